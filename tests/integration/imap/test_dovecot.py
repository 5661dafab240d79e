"""What only Dovecot can be made to do: another UIDVALIDITY, CONDSTORE, mailboxes that may not be written."""

from pathlib import Path

import pytest
from tests.integration.imap.logins import assert_tells, plain_login, session_of
from tests.servers.dovecot import Dovecot

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.errors import MailboxUnavailable, ServerUnavailable
from mail_archiver.imap.connect import log_in
from mail_archiver.octets import whole

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"

DISPOSITIONS = [Disposition(Action.SEEN), Disposition(Action.DELETE), Disposition(Action.MOVE, "Archived")]


@pytest.mark.parametrize("uidvalidity", [1, 2_147_483_648, 4_294_967_295])
def test_tells_a_uidvalidity_of_any_size(dovecot: Dovecot, uidvalidity: int) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    dovecot.set_uidvalidity(user, "INBOX", uidvalidity)
    with session_of(dovecot, user) as session:
        status = session.examine("INBOX")
    assert (status.uidvalidity, status.uidnext) == (uidvalidity, uid + 1)


@pytest.mark.parametrize("disposition", DISPOSITIONS, ids=str)
def test_refuses_to_dispose_when_uidvalidity_changes_meanwhile(
    dovecot: Dovecot, disposition: Disposition
) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    with session_of(dovecot, user) as session:
        uidvalidity = session.examine("INBOX").uidvalidity
        dovecot.set_uidvalidity(user, "INBOX", uidvalidity + 1)
        with pytest.raises(ServerUnavailable, match="UIDVALIDITY"):
            session.dispose("INBOX", uidvalidity, [uid], disposition)
    assert dovecot.uids(user) == [uid]
    assert dovecot.flags(user, "INBOX", uid) == set()


def test_tells_the_highest_modseq_where_the_server_keeps_it(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    with dovecot.connect(user) as client:
        client.enable("CONDSTORE")
        client.select_folder("INBOX")
    with session_of(dovecot, user) as session:
        before = session.examine("INBOX").highest_modseq
        session.dispose("INBOX", session.examine("INBOX").uidvalidity, [uid], Disposition(Action.SEEN))
        after = session.examine("INBOX").highest_modseq
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.parametrize("disposition", DISPOSITIONS, ids=str)
def test_tells_that_a_mailbox_may_only_be_read(dovecot: Dovecot, disposition: Disposition) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    login = plain_login(dovecot, user)
    with log_in(login) as session:
        uidvalidity = session.examine("INBOX").uidvalidity
    for folder in maildir(dovecot, user.username).glob("*/"):
        folder.chmod(0o555)
    with log_in(login) as session:
        assert session.examine("INBOX").uidvalidity == uidvalidity
        assert whole(session.fetch([uid])[uid].source) == SOURCE
        with pytest.raises(MailboxUnavailable) as raised:
            session.dispose("INBOX", uidvalidity, [uid], disposition)
        assert_tells(raised.value, login)
        assert "read" in raised.value.what
        assert session.examine("INBOX").exists == 1


def test_tells_that_a_disposition_is_refused_and_goes_on(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    login = plain_login(dovecot, user)
    with log_in(login) as session:
        uidvalidity = session.examine("INBOX").uidvalidity
        with pytest.raises(MailboxUnavailable) as raised:
            session.dispose("INBOX", uidvalidity, [uid], Disposition(Action.MOVE, "Archived//2026"))
        assert_tells(raised.value, login)
        assert "Archived//2026" in raised.value.what
        assert session.examine("INBOX").exists == 1


def test_nul_is_the_one_octet_that_dovecot_changes(dovecot: Dovecot) -> None:
    # RFC 9051 section 4.3 has no NUL in a literal: 0x80 stands for it.
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE + b"a\x00b\r\n")
    with session_of(dovecot, user) as session:
        session.examine("INBOX")
        assert whole(session.fetch([uid])[uid].source) == SOURCE + b"a\x80b\r\n"


def maildir(dovecot: Dovecot, username: str) -> Path:
    """The folder of the user's inbox; the test is skipped where it is in a container."""
    folder = Path(dovecot.doveadm("mailbox", "path", "-u", username, "INBOX").strip())
    if not folder.exists():
        pytest.skip("Dovecot keeps its mail in a container")
    return folder
