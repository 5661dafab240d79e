"""One IMAP connection, logged in: reading a mailbox, and what is done to its messages afterwards."""

import difflib
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks
from mail_archiver.domain.mailbox_state import MailboxStatus
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.errors import MailboxUnavailable, MessageRefused, ServerUnavailable, SourceError

SEARCH_WINDOW = 10_000
"""Messages searched at once: a line of a million octets breaks imaplib, and some servers cap an answer."""

UIDS_A_COMMAND = 500
"""Servers bound the length of a command line: a UID and its comma are at most 11 octets."""

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
        """The names of the account's mailboxes."""
        with self._reported():
            return [name for _flags, _delimiter, name in self._client.list_folders()]

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
        criteria = []
        if window.since:
            criteria.append(f"SINCE {_imap_date(window.since.date() - timedelta(days=1))}")
        if window.until:
            criteria.append(f"BEFORE {_imap_date(window.until.date() + timedelta(days=2))}")
        with self._reported():
            return sorted(set(self._search_windows(status, " ".join(criteria))))

    def present(self, uids: Collection[int]) -> set[int]:
        """See the port."""
        there: set[int] = set()
        with self._reported():
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
                    found[uid] = MessageSummary(uid, size, _aware(answers[uid].get(b"INTERNALDATE")))
        return found

    def fetch(self, uids: Sequence[int]) -> Mapping[int, FetchedMessage]:
        """See the port. PEEK, so that no message becomes seen (RFC 9051 section 6.4.5)."""
        with self._reported(refusal=MessageRefused):
            answers = self._client.fetch(list(uids), ["BODY.PEEK[]", "INTERNALDATE"])
        found: dict[int, FetchedMessage] = {}
        for uid in set(uids).intersection(answers):
            source = answers[uid].get(b"BODY[]")
            if source is not None:
                found[uid] = FetchedMessage(uid, source, _aware(answers[uid].get(b"INTERNALDATE")))
        return found

    def dispose(self, mailbox: str, uidvalidity: int, uids: Sequence[int], disposition: Disposition) -> None:
        """See the port."""
        status = self._open(mailbox, readonly=False)
        if status.uidvalidity != uidvalidity:
            raise MailboxUnavailable("its UIDVALIDITY has changed meanwhile", **self._where())
        with self._reported():
            for some in chunks(uids, UIDS_A_COMMAND):
                if disposition.action is Action.SEEN:
                    self._client.add_flags(some, [_SEEN], silent=True)
                elif disposition.action is Action.MOVE:
                    self._move(some, disposition.mailbox)
                elif disposition.action is Action.DELETE:
                    self._delete(some)

    def _open(self, mailbox: str, *, readonly: bool) -> MailboxStatus:
        self._mailbox = mailbox
        with self._reported(refusal=MailboxUnavailable):
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
        if not self._client.folder_exists(mailbox):
            self._client.create_folder(mailbox)
        if self._client.has_capability("MOVE"):
            self._client.move(uids, mailbox)
        else:
            self._client.copy(uids, mailbox)
            self._delete(uids)

    def _delete(self, uids: Sequence[int]) -> None:
        self._client.delete_messages(uids, silent=True)
        # Without UIDPLUS, EXPUNGE would also remove what somebody else has marked.
        if self._client.has_capability("UIDPLUS"):
            self._client.uid_expunge(uids)

    @contextmanager
    def _reported(self, refusal: type[SourceError] = ServerUnavailable) -> Iterator[None]:
        """Turn the library's exceptions into ours; `refusal` is for an answer of NO or BAD."""
        try:
            yield
        except IMAPClientAbortError as error:
            raise ServerUnavailable("the server ended the connection", **self._where()) from error
        except IMAPClientError as error:
            if refusal is MailboxUnavailable:
                raise self._mailbox_unavailable() from error
            raise refusal("the server refuses a command", **self._where()) from error
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

    def _where(self) -> dict[str, Any]:
        return {"account": self._account, "host": self._host, "mailbox": self._mailbox}


def _imap_date(day: date) -> str:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{day.day:02}-{months[day.month - 1]}-{day.year:04}"  # never in the locale's language


def _aware(received_at: datetime | None) -> datetime | None:
    """INTERNALDATE has a zone by its grammar; where a server leaves it out, UTC."""
    if received_at is None or received_at.tzinfo is not None:
        return received_at
    return received_at.replace(tzinfo=UTC)
