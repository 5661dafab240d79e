"""One IMAP connection, logged in: reading a mailbox, and what is done to its messages afterwards."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from imapclient import IMAPClient
from imapclient.exceptions import (
    IMAPClientAbortError,
    IMAPClientError,
    IMAPClientReadOnlyError,
)

from mail_archiver.domain.disposition import Action, Disposition
from mail_archiver.domain.fetch_plan import MessageSummary, Window, chunks
from mail_archiver.domain.mailbox_state import MailboxStatus
from mail_archiver.errors import (
    MailboxUnavailable,
    MessageRefused,
    ServerBusy,
    ServerUnavailable,
    SourceError,
)
from mail_archiver.imap.answers import asked_pause_s, asks_to_come_back
from mail_archiver.imap.fetching import fetch
from mail_archiver.imap.names import list_names, name_to_make
from mail_archiver.imap.searching import list_uids_after, list_uids_received, search
from mail_archiver.imap.stand_ins import SIZES_OCTETS, may_stand_in
from mail_archiver.octets import InMemory, Spool

if TYPE_CHECKING:
    from mail_archiver.domain.message import FetchedMessage

UIDS_A_COMMAND = 500
"""Servers bound the length of a command line: a UID and its comma are at most 11 octets."""

PIECE_OCTETS = 4 * 1024 * 1024
"""Of a large message that are fetched at once."""

_SEEN, _DELETED = b"\\Seen", b"\\Deleted"

_Found = TypeVar("_Found")


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
        with self._reported():
            return list_names(self._client)

    def check_name(self, mailbox: str) -> None:
        """Raise MailboxUnavailable when no mailbox of this name can be made."""
        with self._reported():
            possible = name_to_make(self._client, mailbox)
        if possible != mailbox:
            where = self._where() | {"mailbox": mailbox}
            raise MailboxUnavailable(
                f"the server makes no mailbox called {mailbox}", **where, hint=f"Call it {possible}."
            )

    def uids_after(self, uid: int, status: MailboxStatus) -> Sequence[int]:
        """See the port."""
        with self._reported():
            return list_uids_after(self._client, uid, status)

    def uids_received(self, window: Window, status: MailboxStatus) -> Sequence[int]:
        """See the port."""
        with self._reported():
            return list_uids_received(self._client, window, status)

    def present(self, uids: Collection[int]) -> set[int]:
        """See the port."""
        there: set[int] = set()
        with self._reported():
            self._client.noop()  # until then a session may be shown what another one has expunged
            for some in chunks(sorted(uids), UIDS_A_COMMAND):
                there |= search(self._client, f"UID {','.join(map(str, some))}")
        return there.intersection(uids)

    def summaries(self, uids: Sequence[int]) -> Mapping[int, MessageSummary]:
        """See the port."""
        found: dict[int, MessageSummary] = {}
        with self._reported():
            for some in chunks(uids, UIDS_A_COMMAND):
                for uid, answer in fetch(self._client, some, "RFC822.SIZE", "INTERNALDATE").items():
                    found[uid] = MessageSummary(uid, answer.size_octets, answer.received_at)
        # Of a message that another session has expunged, servers tell no size, or that of a stand-in.
        return self._without_gone(found, {uid for uid in found if found[uid].size_octets in SIZES_OCTETS})

    def fetch(self, uids: Sequence[int]) -> Mapping[int, "FetchedMessage"]:
        """See the port. PEEK, so that no message becomes seen (RFC 9051 section 6.4.5)."""
        from mail_archiver.domain.message import FetchedMessage  # not for a poll that finds nothing new

        with self._reported(lambda: MessageRefused("the server refuses to hand it out", **self._where())):
            answers = fetch(self._client, uids, "BODY.PEEK[]", "INTERNALDATE")
        found: dict[int, FetchedMessage] = {}
        for uid, answer in answers.items():
            source = answer.octets(b"BODY[]")
            if source is not None:
                found[uid] = FetchedMessage(uid, InMemory(source), answer.received_at)
        return self._without_gone(found, {uid for uid in found if may_stand_in(found[uid].source)})

    def fetch_large(self, uid: int, download: Spool) -> Mapping[int, "FetchedMessage"]:
        """See the port. In partial fetches (RFC 9051 section 6.4.5), to a temporary file."""
        from mail_archiver.domain.message import FetchedMessage

        size, received_at = 0, None
        with self._reported(lambda: MessageRefused("the server refuses to hand it out", **self._where())):
            while True:
                offset = len(download)
                item = f"BODY.PEEK[]<{offset}.{PIECE_OCTETS}>"
                answer = fetch(self._client, [uid], item, "RFC822.SIZE", "INTERNALDATE").get(uid)
                piece = answer.octets(b"BODY[]<%d>" % offset) if answer else None
                if answer is None or piece is None:  # it is gone, or partial fetches are not answered
                    return self.fetch([uid])
                size = size or answer.size_octets
                received_at = answer.received_at or received_at
                if not piece:
                    break
                with download.writing() as file:
                    file.write(piece)
        source = download.octets()
        # When another session expunges it meanwhile, what was not fetched yet is empty.
        doubtful = {uid} if len(source) != size or may_stand_in(source) else set()
        return self._without_gone({uid: FetchedMessage(uid, source, received_at)}, doubtful)

    def header_hashes(self, uids: Sequence[int]) -> Mapping[int, str]:
        """See the port."""
        from mail_archiver.mime.header_block import header_sha256

        found: dict[int, str] = {}
        with self._reported():
            for some in chunks(uids, UIDS_A_COMMAND):
                for uid, answer in fetch(self._client, some, "BODY.PEEK[HEADER]").items():
                    header = answer.octets(b"BODY[HEADER]")
                    if header:
                        found[uid] = header_sha256(InMemory(header), len(header))
        return found

    def dispose(self, mailbox: str, uidvalidity: int, uids: Sequence[int], disposition: Disposition) -> None:
        """See the port."""
        status = self._open(mailbox, readonly=False)
        if status.uidvalidity != uidvalidity:
            raise ServerUnavailable("its UIDVALIDITY has changed meanwhile", **self._where())
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
            try:
                answer = self._client.select_folder(mailbox, readonly=readonly)
            except ValueError as error:
                raise ServerUnavailable("the server answers in no known grammar", **self._where()) from error
        return MailboxStatus(
            uidvalidity=answer.get(b"UIDVALIDITY", 0),
            uidnext=answer.get(b"UIDNEXT"),
            exists=answer.get(b"EXISTS", 0),
            highest_modseq=answer.get(b"HIGHESTMODSEQ"),
        )

    def _without_gone(self, found: Mapping[int, _Found], doubtful: Collection[int]) -> Mapping[int, _Found]:
        """Leave out those of the doubtful that are not in the mailbox any more."""
        gone = set(doubtful) - self.present(doubtful) if doubtful else set()
        return {uid: each for uid, each in found.items() if uid not in gone}

    def _move(self, uids: Sequence[int], mailbox: str, *, may_create: bool = True) -> None:
        moves = self._client.has_capability("MOVE")
        transfer = self._client.move if moves else self._client.copy
        try:
            transfer(uids, mailbox)
        except IMAPClientError as error:
            left = uids
            if may_create and "TRYCREATE" in str(error):  # RFC 9051 section 6.4.7
                with suppress(IMAPClientError):  # another session may have been faster
                    self._client.create_folder(mailbox)
                may_create = False
            elif "EXPUNGEISSUED" in str(error):  # RFC 9051 section 7.1: some are gone, and none is moved
                left = sorted(self.present(uids))
                if len(left) == len(uids):
                    raise
            else:
                raise
            if left:
                self._move(left, mailbox, may_create=may_create)
            return
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
            if asks_to_come_back(str(error)):
                raise ServerBusy(**self._where(), pause_s=asked_pause_s(str(error))) from error
            if refusal:
                raise refusal() from error
            raise ServerUnavailable("the server refuses a command", **self._where()) from error
        except TimeoutError as error:
            raise ServerUnavailable("the server stopped answering", **self._where()) from error
        except OSError as error:
            raise ServerUnavailable("the connection was lost", **self._where()) from error

    def _mailbox_unavailable(self) -> MailboxUnavailable:
        import difflib

        names = self.mailboxes()
        nearest = difflib.get_close_matches(self._mailbox, names, n=1, cutoff=0.6)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"This account has: {', '.join(names[:12])}."
        return MailboxUnavailable(
            "there is no such mailbox, or it may not be opened", **self._where(), hint=hint
        )

    def _disposition_refused(self, disposition: Disposition) -> MailboxUnavailable:
        if disposition.action is Action.MOVE:
            self.check_name(disposition.mailbox)  # has more to say
        asked = f"{disposition.action} {disposition.mailbox}".rstrip()
        return MailboxUnavailable(
            f"the server refuses the disposition {asked}",
            **self._where(),
            hint="Check that this user has the rights for it, on both mailboxes where there are two.",
        )

    def _where(self) -> dict[str, Any]:
        return {"account": self._account, "host": self._host, "mailbox": self._mailbox}
