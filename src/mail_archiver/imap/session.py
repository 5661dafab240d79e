"""One IMAP connection, logged in: reading a mailbox, and what is done to its messages afterwards."""

import difflib
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from imapclient import IMAPClient, imap_utf7
from imapclient.exceptions import (
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
    ProtocolError,
)

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks
from mail_archiver.domain.mailbox_state import MailboxStatus
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import MailboxUnavailable, MessageRefused, ServerUnavailable, SourceError
from mail_archiver.octets import InMemory, Spool

SEARCH_WINDOW = 10_000
"""Messages searched at once: a line of a million octets breaks imaplib, and some servers cap an answer."""

UIDS_A_COMMAND = 500
"""Servers bound the length of a command line: a UID and its comma are at most 11 octets."""

PIECE_OCTETS = 4 * 1024 * 1024
"""Of a large message that are fetched at once."""

_SEEN, _DELETED = b"\\Seen", b"\\Deleted"


class ImapSession:
    """Implements `archiving.ports.MailSource`; `imap.connect.log_in` makes one."""

    def __init__(self, client: IMAPClient, account: str, host: str) -> None:
        self._client = client
        self._account = account
        self._host = host
        self._mailbox = ""

    def examine(self, mailbox: str) -> MailboxStatus:
        """See the port. EXAMINE, so that no flag can change (RFC 9051 section 6.3.3)."""
        return self._open(mailbox, readonly=True)

    def mailboxes(self) -> list[str]:
        """The names of the account's mailboxes; one that is not in modified UTF-7 stays as it is."""
        self._client.folder_encode = False  # imapclient's own decoding fails them all for a wrong one
        try:
            with self._reported():
                names = [name for _flags, _delimiter, name in self._client.list_folders()]
        finally:
            self._client.folder_encode = True
        return [_decoded(name) for name in names]

    def uids_after(self, uid: int, status: MailboxStatus) -> Sequence[int]:
        """See the port."""
        few = status.uidnext is not None and status.uidnext - uid <= SEARCH_WINDOW
        with self._reported():
            if few or status.exists <= SEARCH_WINDOW:
                found = self._client.search(f"UID {uid + 1}:*")  # answers with the last message at least
            else:
                found = self._search_windows(status, "", down_to=uid)
        return sorted(set(filter(lambda each: each > uid, found)))

    def uids_received(self, window: Window, status: MailboxStatus) -> Sequence[int]:
        """See the port. A day of slack on each side: the server compares dates, in zones of its own."""
        since = _search_key("SINCE", window.since, timedelta(days=-1))
        before = _search_key("BEFORE", window.until, timedelta(days=2))
        with self._reported():
            return sorted(set(self._search_windows(status, f"{since} {before}".strip())))

    def present(self, uids: Collection[int]) -> set[int]:
        """See the port."""
        there: set[int] = set()
        with self._reported():
            self._client.noop()  # until then a session may be shown what another one has expunged
            for some in chunks(sorted(uids), UIDS_A_COMMAND):
                there.update(self._client.search(f"UID {','.join(map(str, some))}"))
        return there.intersection(uids)

    def summaries(self, uids: Sequence[int]) -> Mapping[int, MessageSummary]:
        """See the port."""
        found: dict[int, MessageSummary] = {}
        with self._reported():
            for some in chunks(uids, UIDS_A_COMMAND):
                answers = self._client.fetch(list(some), ["RFC822.SIZE", "INTERNALDATE"])
                for uid in set(some).intersection(answers):
                    size = answers[uid].get(b"RFC822.SIZE", 0)
                    found[uid] = MessageSummary(uid, size, answers[uid].get(b"INTERNALDATE"))
        # Of a message that another session has expunged, servers tell no size, or 0 and a date of 1970.
        doubtful = {uid for uid, summary in found.items() if not summary.size_octets}
        gone = doubtful - self.present(doubtful) if doubtful else set()
        return {uid: summary for uid, summary in found.items() if uid not in gone}

    def fetch(self, uids: Sequence[int]) -> Mapping[int, FetchedMessage]:
        """See the port. PEEK, so that no message becomes seen (RFC 9051 section 6.4.5)."""
        with self._reported(lambda: MessageRefused("the server refuses to hand it out", **self._where())):
            answers = self._client.fetch(list(uids), ["BODY.PEEK[]", "INTERNALDATE"])
        found: dict[int, FetchedMessage] = {}
        for uid in set(uids).intersection(answers):
            source = answers[uid].get(b"BODY[]")
            if source is not None:
                found[uid] = FetchedMessage(uid, InMemory(source), answers[uid].get(b"INTERNALDATE"))
        return found

    def fetch_large(self, uid: int) -> Mapping[int, FetchedMessage]:
        """See the port. In partial fetches (RFC 9051 section 6.4.5), to a temporary file."""
        spool, offset, received_at = Spool(), 0, None
        with self._reported(lambda: MessageRefused("the server refuses to hand it out", **self._where())):
            while True:
                item = f"BODY.PEEK[]<{offset}.{PIECE_OCTETS}>"
                try:
                    answer = self._client.fetch([uid], [item, "INTERNALDATE"]).get(uid)
                except ProtocolError:  # it answers partial fetches in a way of its own
                    return self.fetch([uid])
                if answer is None:
                    return {}
                key = b"BODY[]<%d>" % offset
                if key not in answer:
                    return self.fetch([uid])
                if not answer[key]:
                    break
                received_at = answer.get(b"INTERNALDATE", received_at)
                with spool.writing() as file:
                    offset += file.write(answer[key])
        return {uid: FetchedMessage(uid, spool.octets(), received_at)}

    def dispose(self, mailbox: str, uidvalidity: int, uids: Sequence[int], disposition: Disposition) -> None:
        """See the port."""
        status = self._open(mailbox, readonly=False)
        if status.uidvalidity != uidvalidity:
            raise MailboxUnavailable("its UIDVALIDITY has changed meanwhile", **self._where())
        with self._reported(lambda: self._disposition_refused(disposition)):
            for some in chunks(uids, UIDS_A_COMMAND):
                if disposition.action is Action.SEEN:
                    self._client.add_flags(some, [_SEEN], silent=True)
                elif disposition.action is Action.MOVE:
                    self._move(some, disposition.mailbox)
                elif disposition.action is Action.DELETE:
                    self._delete(some)

    def _open(self, mailbox: str, *, readonly: bool) -> MailboxStatus:
        self._mailbox = mailbox
        with self._reported(self._mailbox_unavailable):
            answer = self._client.select_folder(mailbox, readonly=readonly)
        return MailboxStatus(
            uidvalidity=answer.get(b"UIDVALIDITY", 0),
            uidnext=answer.get(b"UIDNEXT"),
            exists=answer.get(b"EXISTS", 0),
            highest_modseq=answer.get(b"HIGHESTMODSEQ"),
        )

    def _search_windows(self, status: MailboxStatus, criteria: str, down_to: int = 0) -> Sequence[int]:
        """Search by message sequence numbers, from the newest down.

        Downwards, an EXPUNGE in between can show a message twice but never skip one.
        """
        found = array("Q")  # eight octets a UID, whatever the mailbox holds
        bounds = [*range(status.exists, 0, -SEARCH_WINDOW), 0]
        for last, before in pairwise(bounds):
            uids = self._client.search(f"{before + 1}:{last} {criteria}".rstrip())
            found.extend(uids)
            if uids and min(uids) <= down_to:
                break
        return found

    def _move(self, uids: Sequence[int], mailbox: str) -> None:
        moves = self._client.has_capability("MOVE")
        transfer = self._client.move if moves else self._client.copy
        try:
            transfer(uids, mailbox)
        except IMAPClientError as error:
            if "TRYCREATE" not in str(error):  # RFC 9051 section 6.4.7
                raise
            self._client.create_folder(mailbox)
            transfer(uids, mailbox)
        if not moves:
            self._delete(uids)

    def _delete(self, uids: Sequence[int]) -> None:
        self._client.delete_messages(uids, silent=True)
        # Without UIDPLUS, EXPUNGE would also remove what somebody else has marked.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)

    @contextmanager
    def _reported(self, refusal: Callable[[], SourceError] | None = None) -> Iterator[None]:
        """Turn the library's exceptions into ours; `refusal` makes the one for an answer of NO or BAD."""
        try:
            yield
        except IMAPClientReadOnlyError as error:
            raise MailboxUnavailable("it may only be read", **self._where()) from error
        except IMAPClientAbortError as error:
            raise ServerUnavailable("the server ended the connection", **self._where()) from error
        except IMAPClientError as error:
            if refusal:
                raise refusal() from error
            raise ServerUnavailable("the server refuses a command", **self._where()) from error
        except TimeoutError as error:
            raise ServerUnavailable("the server stopped answering", **self._where()) from error
        except OSError as error:
            raise ServerUnavailable("the connection was lost", **self._where()) from error

    def _mailbox_unavailable(self) -> MailboxUnavailable:
        names = self.mailboxes()
        nearest = difflib.get_close_matches(self._mailbox, names, n=1, cutoff=0.6)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"This account has: {', '.join(names[:12])}."
        return MailboxUnavailable(
            "there is no such mailbox, or it may not be opened", **self._where(), hint=hint
        )

    def _disposition_refused(self, disposition: Disposition) -> MailboxUnavailable:
        asked = f"{disposition.action} {disposition.mailbox}".rstrip()
        return MailboxUnavailable(
            f"the server refuses the disposition {asked}",
            **self._where(),
            hint="Check that this user has the rights for it, on both mailboxes where there are two.",
        )

    def _where(self) -> dict[str, Any]:
        return {"account": self._account, "host": self._host, "mailbox": self._mailbox}


def _search_key(name: str, moment: datetime | None, slack: timedelta) -> str:
    """SINCE or BEFORE a day; "" where there is no bound."""
    if moment is None:
        return ""
    try:
        day = moment.astimezone(UTC) + slack
    except OverflowError:  # no message lies beyond the calendar's end
        return ""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{name} {day.day:02}-{months[day.month - 1]}-{day.year:04}"  # never in the locale's language


def _decoded(name: str | bytes) -> str:
    if isinstance(name, str):  # imapclient makes one of a name that is a number
        return name
    try:
        return str(imap_utf7.decode(name))
    except UnicodeDecodeError:
        return name.decode("ascii", "replace")
