"""What a server says of each message: of those that it was asked about, and in whatever order and company."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from imapclient import IMAPClient
from imapclient.datetime_util import parse_to_datetime
from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_response

_BEGIN = re.compile(rb"\d+ \(")
_ITEM = rb'[A-Z0-9.]+ (?:\d{1,19}|"[^"\\\r\n]*")'
_ITEMS = re.compile(rb'([A-Z0-9.]+) (?:(\d+)|"([^"]*)")')
_SAID = rb"\d+ \((%b(?: %b)*)" % (_ITEM, _ITEM)
_WITHOUT_LITERAL = re.compile(_SAID + rb"\)")
_WITH_LITERAL = re.compile(_SAID + rb" (BODY\[(?:HEADER)?\]) \{\d+\}")

_MOST_OCTETS = 2**63 - 1

Line = bytes | tuple[bytes, bytes]
"""A line, or one that ends with a literal, and the literal."""


class Answer:
    """What is said of one message, item by item."""

    def __init__(self) -> None:
        self._items: dict[bytes, Any] = {}

    def add(self, items: Mapping[bytes, Any]) -> None:
        """Join what is said in another line."""
        self._items.update(items)

    def octets(self, name: bytes) -> bytes | None:
        """Text or a literal; None where it is not said."""
        said = self._items.get(name)
        return said if isinstance(said, bytes) else None

    @property
    def size_octets(self) -> int:
        """RFC822.SIZE; 0 where it is not said, or makes no sense."""
        said = self._items.get(b"RFC822.SIZE")
        return min(said, _MOST_OCTETS) if isinstance(said, int) else 0

    @property
    def received_at(self) -> datetime | None:
        """INTERNALDATE; None also where it is no moment in UTC: at the end of the calendar, or no date."""
        said = self.octets(b"INTERNALDATE")
        return _moment(said) if said else None


def fetch(client: IMAPClient, uids: Sequence[int], *items: str) -> dict[int, Answer]:
    """What the server says of these messages, by UID."""
    if not uids:
        return {}
    messages = ",".join(map(str, uids))
    lines = client._command_and_check("fetch", messages, f"({' '.join(items)})", uid=True)  # noqa: SLF001
    found = read_answers(lines)
    return {uid: found[uid] for uid in uids if uid in found}


def read_answers(lines: Sequence[Line | None]) -> dict[int, Answer]:
    """What is said of each message, by UID.

    Not imapclient's own reader: that takes an answer without UID for one about the UID of the same number,
    which is another message, and one answer in no grammar costs it all the others.
    """
    found: dict[int, Answer] = {}
    for each in _one_by_one(lines):
        said = _items(each)
        uid = said.get(b"UID")
        if isinstance(uid, int):
            found.setdefault(uid, Answer()).add(said)
    return found


def _one_by_one(lines: Sequence[Line | None]) -> Iterator[list[Line]]:
    """The lines of each answer."""
    answer: list[Line] = []
    for line in lines:
        if line is None:  # imaplib's way to say that there is none
            continue
        if answer and _BEGIN.match(line[0] if isinstance(line, tuple) else line):
            yield answer
            answer = []
        answer.append(line)
    if answer:
        yield answer


def _items(answer: list[Line]) -> dict[bytes, Any]:
    """What one answer says, by name; nothing where it is in no grammar."""
    usual = _usual_items(answer)
    if usual is not None:
        return usual
    try:
        _number, said = parse_response(answer)
        return {name.upper(): value for name, value in zip(said[::2], said[1::2], strict=True)}
    except (ProtocolError, ValueError, TypeError, AttributeError):
        return {}


def _usual_items(answer: list[Line]) -> dict[bytes, Any] | None:
    """What an answer says of numbers and short texts, and a message at its end, as nearly all do.

    In a fraction of the time that imapclient takes, which reads octet by octet. None for any other.
    """
    first, *rest = answer
    if isinstance(first, tuple):
        found = _WITH_LITERAL.fullmatch(first[0]) if rest == [b")"] else None
    else:
        found = None if rest else _WITHOUT_LITERAL.fullmatch(first)
    if found is None:
        return None
    items = _ITEMS.findall(found[1])
    said: dict[bytes, Any] = {name: int(number) if number else text for name, number, text in items}
    if isinstance(first, tuple):
        said[found[2]] = first[1]
    return said


@lru_cache(maxsize=1024)  # which is asked for with the size, and again with the message
def _moment(internal_date: bytes) -> datetime | None:
    try:
        moment: datetime = parse_to_datetime(internal_date, normalise=False)
        return moment if moment.astimezone(UTC) else None
    except (ValueError, OverflowError):
        return None
