"""Mail that keeps arriving: small, with files, large, broken, and some of it in two mailboxes."""

import hashlib
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from random import Random
from types import TracebackType

from tests.e2e.mails import mail
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.archiving.fetching import LARGE_OCTETS

MAILBOXES = ("INBOX", "Clients")
CLIENT = "client@client.example"
"""To whom all of it goes."""

LONGEST_PAUSE_S = 0.04
_TRACE = b"Received: by mail.example.com; Mon, 05 Oct 2026 09:00:01 +0200\r\n"
_PLACEHOLDER = "message-id-of-a-large-message"


@dataclass(frozen=True)
class Arrival:
    """What is known of a message in one mailbox.

    Attributes:
        sha256: Of its bytes.
        files: How many it has attached.
    """

    message_id: str
    sha256: str
    files: int


class Arrivals(AbstractContextManager["Arrivals"]):
    """Delivers, from a thread, for as long as a block runs; what has arrived stands in `there`."""

    def __init__(self, server: ImapServer, user: ImapUser, chance: Random) -> None:
        self.there: dict[tuple[str, int], Arrival] = {}
        """By mailbox and UID."""
        self._server = server
        self._user = user
        self._chance = chance
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._deliver)

    def __enter__(self) -> "Arrivals":
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _deliver(self) -> None:
        try:
            number = 0
            while not self._stopped.wait(self._chance.uniform(0, LONGEST_PAUSE_S)):
                number += 1
                message_id, source, files = compose(number, self._chance)
                self._put("INBOX", message_id, source, files)
                if self._chance.random() < 0.1:
                    self._put("Clients", message_id, _TRACE + source, files)
        except Exception as error:  # raised again where the block ends
            self._failure = error

    def _put(self, mailbox: str, message_id: str, source: bytes, files: int) -> None:
        uid = self._server.deliver(self._user, source, mailbox=mailbox)
        self.there[mailbox, uid] = Arrival(message_id, hashlib.sha256(source).hexdigest(), files)


def compose(number: int, chance: Random) -> tuple[str, bytes, int]:
    """A message of one kind or another: its Message-ID, its bytes, and how many files it has."""
    message_id = f"{number}-{chance.randrange(10**9)}@example.com"
    subject, local_part = f"Message {number}", message_id.partition("@")[0]
    match chance.choices(["small", "files", "broken", "large"], [60, 25, 14, 1])[0]:
        case "files":
            files = {f"plan-{each}.bin": chance.randbytes(20_000) for each in range(chance.randint(1, 3))}
            source = mail(subject, to=CLIENT, message_id=local_part, attachments=files)
            return message_id, source, len(files)
        case "broken":
            return message_id, _broken(subject, message_id), 1
        case "large":
            return message_id, _large().replace(_PLACEHOLDER.encode(), local_part.encode()), 1
        case _:
            return message_id, mail(subject, to=CLIENT, message_id=local_part), 0


def _broken(subject: str, message_id: str) -> bytes:
    """Of an unknown charset, its base64 damaged, its boundary never closed."""
    return (
        f"From: =?x-nobody-knows?q?=FF=FE?= <claire@example.com\r\nTo: {CLIENT}\r\nSubject: {subject}\r\n"
        f"Date: yesterday\r\nMessage-ID: <{message_id}>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: application/pdf; name=offer.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        "JVBERi0x§§LjQ\r\n"
    ).encode("latin-1")


@cache
def _large() -> bytes:
    """A message that is fetched in pieces."""
    files = {"film.bin": Random(0).randbytes(LARGE_OCTETS * 3 // 4)}  # base64 makes four octets of three
    return mail("Large", to=CLIENT, message_id=_PLACEHOLDER, attachments=files)
