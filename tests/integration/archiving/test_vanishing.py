"""Messages that another session expunges between the search and the fetch, on a real server and databases."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapUser

from mail_archiver.archiving.accounts import run
from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.domain.disposition import Disposition
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.domain.start import Start
from mail_archiver.imap.connect import Login, authenticate, connection
from mail_archiver.imap.session import ImapSession
from mail_archiver.logs import open_log
from mail_archiver.store.database import read_url
from mail_archiver.store.store import Store


class Interrupted(ImapSession):
    """A real session, after whose search another one expunges the second message."""

    server: Dovecot
    user: ImapUser

    def summaries(self, uids: Sequence[int]) -> Mapping[int, MessageSummary]:
        with self.server.connect(self.user) as other:
            other.select_folder("INBOX")
            other.delete_messages([2])
            other.expunge()
        return super().summaries(uids)


@pytest.mark.parametrize(
    ("start", "outcomes"),
    [
        (Start(), [(1, "archived"), (2, "vanished"), (3, "archived")]),
        (Start(only_new=True), [(1, "filtered"), (2, "filtered"), (3, "filtered")]),
    ],
    ids=["start with all", "start with new"],
)
def test_every_uid_that_was_listed_has_its_row(
    dovecot: Dovecot, database_url: str, tmp_path: Path, start: Start, outcomes: list[tuple[int, str]]
) -> None:
    user = dovecot.new_user()
    for subject in ("One", "Two", "Three"):
        dovecot.deliver(user, mail(subject))
    login = Login("crm", dovecot.host, dovecot.port, "none", user.username, user.password, None, 30)

    @contextmanager
    def log_in() -> Iterator[ImapSession]:
        with connection(login) as client:
            authenticate(client, login)
            session = Interrupted(client, login.account, login.host)
            session.server, session.user = dovecot, user
            yield session

    plan = AccountPlan(
        "crm",
        dovecot.host,
        user.username,
        ("INBOX",),
        start,
        Disposition(),
        Drafter(LinkingRules(), Limits(), zip_inline_images=False),
        log_in,
    )
    with closing(Store(database_url)) as store:
        store.upgrade()
        log = open_log("info", io.StringIO())
        parts = Parts(lambda: store, FolderBlobs(tmp_path / "blobs"), lambda: datetime.now(UTC), log)
        assert run(parts, [plan]).failures == []

    with sa.create_engine(read_url(database_url)).connect() as database:
        rows = database.execute(sa.text("SELECT uid, outcome FROM processed_uid ORDER BY uid")).all()
        watermark = database.execute(sa.text("SELECT last_uid FROM mailbox_epoch")).scalar_one()
    assert [tuple(row) for row in rows] == outcomes
    assert watermark == 3
