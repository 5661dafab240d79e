"""A message larger than it may be in memory, all the way: from a real server into databases and storage."""

import base64
import hashlib
import io
import random
import tracemalloc
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.integration.imap.logins import session_of
from tests.servers.dovecot import Dovecot

from mail_archiver.archiving.accounts import run
from mail_archiver.archiving.drafting import Drafter
from mail_archiver.archiving.fetching import LARGE_OCTETS
from mail_archiver.archiving.work import AccountPlan, Parts
from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.domain.disposition import Disposition
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.domain.start import Start
from mail_archiver.logs import open_log
from mail_archiver.store.database import read_url
from mail_archiver.store.store import Store

MIB = 1024 * 1024


def large(files: list[bytes], *, boundary: bytes = b"b") -> bytes:
    parts = b"".join(
        b"--" + boundary + b"\r\nContent-Type: application/pdf; name=plan-%d.pdf\r\n" % n
        + b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(file).replace(b"\n", b"\r\n")
        for n, file in enumerate(files)
    )  # fmt: skip
    return (
        b"Message-ID: <plans@client.example>\r\nFrom: ann@client.example\r\nTo: bo@lumen.example\r\n"
        b"Subject: Plans\r\nContent-Type: multipart/mixed; boundary=" + boundary + b"\r\n\r\n"
        b"--" + boundary + b"\r\n\r\nHere they are.\r\n" + parts + b"--" + boundary + b"--\r\n"
    )


@pytest.mark.parametrize("files", [1, 3])
def test_is_archived_whole_and_never_whole_in_memory(
    dovecot: Dovecot, database_url: str, tmp_path: Path, files: int
) -> None:
    contents = [random.Random(n).randbytes(18 * MIB // files) for n in range(files)]
    source = large(contents)
    assert len(source) > LARGE_OCTETS
    user = dovecot.new_user()
    dovecot.deliver(user, source)
    drafter = Drafter(LinkingRules(), Limits(), zip_inline_images=False)
    plan = AccountPlan(
        "crm", dovecot.host, user.username, ("INBOX",), Start(), Disposition(), drafter,
        lambda: session_of(dovecot, user),
    )  # fmt: skip
    blobs = FolderBlobs(tmp_path / "blobs")
    with closing(Store(database_url)) as store:
        store.upgrade()
        parts = Parts(lambda: store, blobs, lambda: datetime.now(UTC), open_log("info", io.StringIO()))
        tracemalloc.start()
        try:
            assert run(parts, [plan]).failures == []
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < LARGE_OCTETS

    with sa.create_engine(read_url(database_url)).connect() as database:
        row = database.execute(sa.text("SELECT * FROM archive")).one()
        names = database.execute(sa.text("SELECT safe_name, sha256 FROM attachment ORDER BY position")).all()
    assert (row.subject, row.body_text.strip(), row.size_octets) == ("Plans", "Here they are.", len(source))
    assert row.source_sha256 == hashlib.sha256(source).hexdigest()
    assert blobs.get(row.source_sha256) == source
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    assert [tuple(name) for name in names] == [(f"plan-{n}.pdf", each) for n, each in enumerate(hashes)]
    stored = blobs.path(row.attachments_sha256).read_bytes()
    assert hashlib.sha256(stored).hexdigest() == row.attachments_sha256
    if files == 1:
        assert stored == contents[0]
        return
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        assert [archive.read(name) for name in archive.namelist()] == contents
