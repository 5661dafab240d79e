"""What is done to messages once they are archived: what was asked, to those only, and again if need be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from imapclient import IMAPClient
from tests.integration.imap.logins import assert_tells, plain_login, session_of
from tests.servers.courier import Courier
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.domain.disposition import Action, Disposition, parse_disposition
from mail_archiver.errors import MailboxUnavailable, ServerUnavailable
from mail_archiver.imap.connect import log_in
from mail_archiver.octets import whole

SOURCE = b"From: ann@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"
RECEIVED_AT = datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC)

KEEP, SEEN, DELETE = Disposition(), Disposition(Action.SEEN), Disposition(Action.DELETE)


def test_keep_changes_nothing(imap_server: ImapServer) -> None:
    user, uids = with_messages(imap_server, 1)
    dispose(imap_server, user, uids, KEEP)
    assert imap_server.flags(user, "INBOX", uids[0]) == set()


def test_marks_as_seen_those_and_no_others(imap_server: ImapServer) -> None:
    user, [first, second] = with_messages(imap_server, 2)
    flagged = imap_server.deliver(user, SOURCE, flags=["\\Flagged"])
    for _ in range(2):
        dispose(imap_server, user, [first, flagged], SEEN)
        assert imap_server.flags(user, "INBOX", first) == {"\\Seen"}
        assert imap_server.flags(user, "INBOX", second) == set()
        assert imap_server.flags(user, "INBOX", flagged) == {"\\Seen", "\\Flagged"}


def test_deletes_those_and_not_what_somebody_else_has_marked(imap_server: ImapServer) -> None:
    user, [first, second] = with_messages(imap_server, 2)
    marked = imap_server.deliver(user, SOURCE, flags=["\\Deleted"])
    for _ in range(2):
        dispose(imap_server, user, [first], DELETE)
        assert imap_server.uids(user) == [second, marked]
        assert imap_server.flags(user, "INBOX", second) == set()


@pytest.mark.parametrize("target", ["Archived", "Done & filed", "Köln"])
def test_moves_to_a_mailbox_that_it_makes_and_twice_is_harmless(imap_server: ImapServer, target: str) -> None:
    user, target = imap_server.new_user(), imap_server.mailbox(target)
    first = imap_server.deliver(user, SOURCE, received_at=RECEIVED_AT, flags=["\\Flagged"])
    second = imap_server.deliver(user, SOURCE)
    for _ in range(2):
        dispose(imap_server, user, [first], Disposition(Action.MOVE, target))
        assert imap_server.uids(user) == [second]
        [moved] = imap_server.uids(user, target)
        assert imap_server.flags(user, target, moved) == {"\\Flagged"}
    with session_of(imap_server, user) as session:
        session.examine(target)
        message = session.fetch([moved])[moved]
    assert (whole(message.source), message.received_at) == (SOURCE, RECEIVED_AT)


@pytest.mark.parametrize("gone", [1, 2])
def test_moves_what_is_left_when_somebody_else_is_faster(dovecot: Dovecot, gone: int) -> None:
    user, uids = with_messages(dovecot, 3)
    with session_of(dovecot, user) as session:
        session._open("INBOX", readonly=False)
        removed = ",".join(map(str, uids[:gone]))
        dovecot.doveadm("expunge", "-u", user.username, "mailbox", "INBOX", "uid", removed)
        session._move(uids, "Archived")
    assert dovecot.uids(user) == []
    assert len(dovecot.uids(user, "Archived")) == len(uids) - gone


def test_moves_to_a_mailbox_whose_name_would_match_another_one_as_a_pattern(dovecot: Dovecot) -> None:
    # Cyrus has no % in names.
    user, uids = with_messages(dovecot, 1)
    other = dovecot.deliver(user, SOURCE, mailbox="50 euros")
    dispose(dovecot, user, uids, Disposition(Action.MOVE, "50%"))
    assert len(dovecot.uids(user, "50%")) == 1
    assert dovecot.uids(user, "50 euros") == [other]


def test_moves_to_a_mailbox_that_is_there_and_adds_to_it(imap_server: ImapServer) -> None:
    user, uids = with_messages(imap_server, 2)
    target = imap_server.mailbox("Archived")
    there = imap_server.deliver(user, SOURCE, mailbox=target)
    dispose(imap_server, user, uids, parse_disposition(f"move:{target}"))
    assert imap_server.uids(user) == []
    assert len(imap_server.uids(user, target)) == 3
    assert there in imap_server.uids(user, target)


def test_moves_to_a_mailbox_within_one_that_is_not_there(imap_server: ImapServer) -> None:
    user, uids = with_messages(imap_server, 1)
    with imap_server.connect(user) as client:
        delimiter = client.list_folders()[0][1].decode()
    target = imap_server.mailbox(delimiter.join(["Archived", "2026", "May"]))
    dispose(imap_server, user, uids, Disposition(Action.MOVE, target))
    assert len(imap_server.uids(user, target)) == 1


def test_moves_to_a_mailbox_of_which_only_the_inner_ones_are_there(dovecot: Dovecot) -> None:
    # LIST shows such a one, as \Noselect, and nothing can be put into it.
    user, uids = with_messages(dovecot, 1)
    dovecot.deliver(user, SOURCE, mailbox="Archived/2025")
    dispose(dovecot, user, uids, Disposition(Action.MOVE, "Archived"))
    assert len(dovecot.uids(user, "Archived")) == 1


def test_moves_by_copying_where_the_server_cannot_move(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide_capabilities(monkeypatch, "MOVE")
    user, [first, second] = with_messages(imap_server, 2)
    marked = imap_server.deliver(user, SOURCE, flags=["\\Deleted"])
    target = imap_server.mailbox("Archived")
    dispose(imap_server, user, [first], Disposition(Action.MOVE, target))
    assert imap_server.uids(user) == [second, marked]
    assert len(imap_server.uids(user, target)) == 1


@pytest.mark.parametrize("text", ["delete", "move:Archived"])
def test_expunges_nothing_where_the_server_cannot_expunge_by_uid(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    hide_capabilities(monkeypatch, "MOVE", "UIDPLUS")
    user, [first, second] = with_messages(imap_server, 2)
    marked = imap_server.deliver(user, SOURCE, flags=["\\Deleted"])
    dispose(imap_server, user, [first], disposition_at(imap_server, text))
    assert imap_server.uids(user) == [first, second, marked]
    assert imap_server.flags(user, "INBOX", first) == {"\\Deleted"}
    assert imap_server.flags(user, "INBOX", second) == set()


@pytest.mark.parametrize("text", ["seen", "delete", "move:Archived"])
def test_disposes_of_more_messages_than_a_command_takes(
    imap_server: ImapServer, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("mail_archiver.imap.session.UIDS_A_COMMAND", 2)
    user, uids = with_messages(imap_server, 5)
    dispose(imap_server, user, uids[:-1], disposition_at(imap_server, text))
    if text == "seen":
        assert all(imap_server.flags(user, "INBOX", uid) == {"\\Seen"} for uid in uids[:-1])
        assert imap_server.flags(user, "INBOX", uids[-1]) == set()
    else:
        assert imap_server.uids(user) == uids[-1:]
    if text.startswith("move"):
        assert len(imap_server.uids(user, imap_server.mailbox("Archived"))) == 4


@pytest.mark.parametrize("text", ["seen", "delete", "move:Archived"])
def test_what_is_gone_already_is_no_error(imap_server: ImapServer, text: str) -> None:
    user, [first, second] = with_messages(imap_server, 2)
    dispose(imap_server, user, [first], DELETE)
    dispose(imap_server, user, [first, second + 1], disposition_at(imap_server, text))
    assert imap_server.uids(user) == [second]
    assert imap_server.flags(user, "INBOX", second) == set()


@pytest.mark.parametrize("text", ["seen", "delete", "move:Archived"])
def test_refuses_when_the_uids_are_of_another_uidvalidity(imap_server: ImapServer, text: str) -> None:
    user, [uid] = with_messages(imap_server, 1)
    login = plain_login(imap_server, user)
    with log_in(login) as session:
        uidvalidity = session.examine("INBOX").uidvalidity
        with pytest.raises(ServerUnavailable) as raised:
            session.dispose("INBOX", uidvalidity + 1, [uid], disposition_at(imap_server, text))
    assert_tells(raised.value, login)
    assert "UIDVALIDITY" in raised.value.what
    assert imap_server.uids(user) == [uid]
    assert imap_server.flags(user, "INBOX", uid) == set()


def test_refuses_when_there_is_no_such_mailbox(imap_server: ImapServer) -> None:
    user, uids = with_messages(imap_server, 1)
    with session_of(imap_server, user) as session, pytest.raises(MailboxUnavailable):
        session.dispose("Nowhere", 1, uids, DELETE)


def test_tells_what_the_mailbox_to_move_to_has_to_be_called(courier: Courier) -> None:
    user, uids = with_messages(courier, 1)
    login = plain_login(courier, user)
    with log_in(login) as session:
        uidvalidity = session.examine("INBOX").uidvalidity
        with pytest.raises(MailboxUnavailable) as raised:
            session.dispose("INBOX", uidvalidity, uids, Disposition(Action.MOVE, "Archived"))
    assert_tells(raised.value, login)
    assert "INBOX.Archived" in raised.value.hint
    assert courier.uids(user) == uids


def test_reads_another_mailbox_afterwards_and_leaves_it_alone(imap_server: ImapServer) -> None:
    user, [uid] = with_messages(imap_server, 1)
    clients = imap_server.mailbox("Clients")
    other = imap_server.deliver(user, SOURCE, mailbox=clients)
    with session_of(imap_server, user) as session:
        session.dispose("INBOX", session.examine("INBOX").uidvalidity, [uid], SEEN)
        session.examine(clients)
        assert whole(session.fetch([other])[other].source) == SOURCE
    assert imap_server.flags(user, clients, other) == set()


def with_messages(server: ImapServer, count: int) -> tuple[ImapUser, list[int]]:
    """A user with so many messages, and their UIDs."""
    user = server.new_user()
    return user, [server.deliver(user, SOURCE) for _ in range(count)]


def disposition_at(server: ImapServer, text: str) -> Disposition:
    """A disposition whose mailbox, if any, can be on this server."""
    asked = parse_disposition(text)
    return replace(asked, mailbox=server.mailbox(asked.mailbox)) if asked.mailbox else asked


def dispose(server: ImapServer, user: ImapUser, uids: Sequence[int], disposition: Disposition) -> None:
    """In a session of its own, as after a crash."""
    with session_of(server, user) as session:
        session.dispose("INBOX", session.examine("INBOX").uidvalidity, uids, disposition)


def hide_capabilities(monkeypatch: pytest.MonkeyPatch, *hidden: str) -> None:
    """Make every server one without these extensions."""
    announced = IMAPClient.has_capability
    monkeypatch.setattr(
        IMAPClient, "has_capability", lambda self, name: name not in hidden and announced(self, name)
    )
