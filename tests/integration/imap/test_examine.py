"""Opening a mailbox: what is told of it, by whatever name, and that nothing in it changes."""

from dataclasses import replace

import pytest
from tests.integration.imap.logins import assert_tells, plain_login, session_of
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer

from mail_archiver.domain.fetch_plan import Window
from mail_archiver.domain.mailbox_state import MailboxStatus
from mail_archiver.errors import MailboxUnavailable
from mail_archiver.imap.connect import log_in
from mail_archiver.octets import whole

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"

NAMES = [
    "Sent items",
    "Clients & Partners",
    "&",
    "Déjà vu",
    "R&D Zürich",
    "日本語 (受信)",
    "2026",
    "NIL",
]

# Cyrus has no % and no braces in names, Courier nothing beyond 16 bits.
STRANGER_NAMES = ["50% off", "{12}", "Post 📨"]


def test_tells_what_the_server_says_of_the_mailbox(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE) for _ in range(3)]
    with imap_server.connect(user) as client:
        said = client.folder_status("INBOX", ["UIDVALIDITY"])
    with session_of(imap_server, user) as session:
        status = session.examine("INBOX")
    assert status.uidvalidity == said[b"UIDVALIDITY"] > 0
    assert (status.uidnext, status.exists) == (uidnext(imap_server, uids[-1] + 1), 3)


def test_tells_of_an_empty_mailbox(imap_server: ImapServer) -> None:
    with session_of(imap_server, imap_server.new_user()) as session:
        status = session.examine("INBOX")
    assert (status.uidnext, status.exists) == (uidnext(imap_server, 1), 0)


def test_keeps_uidnext_when_messages_go(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uids = [imap_server.deliver(user, SOURCE) for _ in range(3)]
    with imap_server.connect(user) as client:
        client.select_folder("INBOX")
        client.delete_messages(uids[1:])
        client.expunge()
    with session_of(imap_server, user) as session:
        status = session.examine("INBOX")
    assert (status.uidnext, status.exists) == (uidnext(imap_server, uids[-1] + 1), 1)


def test_tells_what_came_between_two_looks(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    # Until a message has a UID, the UIDVALIDITY of Courier is the time.
    imap_server.deliver(user, SOURCE)
    with session_of(imap_server, user) as session:
        before = session.examine("INBOX")
        uid = imap_server.deliver(user, SOURCE)
        after = session.examine("INBOX")
    expected = replace(before, uidnext=uidnext(imap_server, uid + 1), exists=2)
    assert _without_modseq(after) == _without_modseq(expected)


def test_knows_the_inbox_in_any_case(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    imap_server.deliver(user, SOURCE)
    with session_of(imap_server, user) as session:
        assert session.examine("Inbox").exists == 1


@pytest.mark.parametrize("name", NAMES)
def test_opens_a_mailbox_of_any_name(imap_server: ImapServer, name: str) -> None:
    assert_opens(imap_server, name)


@pytest.mark.parametrize("name", STRANGER_NAMES)
def test_opens_a_mailbox_of_a_stranger_name(dovecot: Dovecot, name: str) -> None:
    assert_opens(dovecot, name)


def test_opens_a_mailbox_within_another(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    with imap_server.connect(user) as client:
        delimiter = client.list_folders()[0][1].decode()
    name = imap_server.mailbox(delimiter.join(["Clients", "Café & Co", "2026"]))
    imap_server.deliver(user, SOURCE, mailbox=name)
    with session_of(imap_server, user) as session:
        assert session.examine(name).exists == 1


def test_the_server_knows_the_mailbox_by_the_same_name(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    # GreenMail does not escape the quotes of a name when it lists it.
    for name in ["Déjà vu & more", "日本語", 'The "big" \\ ones']:
        dovecot.doveadm("mailbox", "create", "-u", user.username, name)
        with session_of(dovecot, user) as session:
            assert session.examine(name).exists == 0
            assert name in session.mailboxes()


def test_an_unknown_mailbox_is_told_with_the_nearest_name(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    for name in ["Clients", "Kündigungen", "2026"]:
        imap_server.deliver(user, SOURCE, mailbox=imap_server.mailbox(name))
    login = plain_login(imap_server, user)
    with log_in(login) as session:
        for wrong, right in [("Client", "Clients"), ("Kundigungen", "Kündigungen"), ("2025", "2026")]:
            asked = imap_server.mailbox(wrong)
            with pytest.raises(MailboxUnavailable) as raised:
                session.examine(asked)
            assert_tells(raised.value, login)
            assert raised.value.mailbox == asked
            assert f"{right}?" in raised.value.hint


def test_an_unknown_mailbox_like_no_other_is_told_with_all_names(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    imap_server.deliver(user, SOURCE, mailbox=imap_server.mailbox("Clients"))
    with session_of(imap_server, user) as session, pytest.raises(MailboxUnavailable) as raised:
        session.examine("Zzz")
    assert "INBOX" in raised.value.hint
    assert "Clients" in raised.value.hint


def test_goes_on_after_an_unknown_mailbox(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCE)
    with session_of(imap_server, user) as session:
        with pytest.raises(MailboxUnavailable):
            session.examine("Zzz")
        session.examine("INBOX")
        assert whole(session.fetch([uid])[uid].source) == SOURCE


@pytest.mark.parametrize("flags", [[], ["\\Flagged"], ["\\Seen", "\\Answered"], ["\\Deleted"]])
def test_reading_changes_no_flag_and_no_message(imap_server: ImapServer, flags: list[str]) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCE, flags=flags)
    with session_of(imap_server, user) as session:
        status = session.examine("INBOX")
        session.uids_after(0, status)
        session.uids_received(Window(), status)
        session.present([uid])
        session.summaries([uid])
        assert whole(session.fetch([uid])[uid].source) == SOURCE
        assert _without_modseq(session.examine("INBOX")) == _without_modseq(status)
    assert imap_server.flags(user, "INBOX", uid) == set(flags)
    assert imap_server.uids(user) == [uid]


def assert_opens(server: ImapServer, plain_name: str) -> None:
    """A mailbox of this name is found, and it is the one that is opened."""
    user, name = server.new_user(), server.mailbox(plain_name)
    uid = server.deliver(user, SOURCE, mailbox=name)
    with session_of(server, user) as session:
        assert session.examine(name).exists == 1
        assert whole(session.fetch([uid])[uid].source) == SOURCE
        assert session.examine("INBOX").exists == 0
        assert name in session.mailboxes()


def uidnext(server: ImapServer, expected: int) -> int | None:
    """What a server's UIDNEXT of a mailbox is, where it tells one."""
    return expected if server.tells_uidnext else None


def _without_modseq(status: MailboxStatus) -> MailboxStatus:
    return replace(status, highest_modseq=None)
