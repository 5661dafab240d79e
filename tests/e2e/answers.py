"""What odd servers answer, for a proxy to put in a good one's mouth (see `Proxy.change`)."""

import re
from collections.abc import Callable, Collection

from tests.servers.proxy import Change

_ENDS_WITH_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


def lines(answer: bytes) -> list[bytes]:
    """An answer's lines, each with its literals and its end."""
    found, start, position = [], 0, 0
    while position < len(answer):
        end = answer.index(b"\r\n", position) + 2
        literal = _ENDS_WITH_LITERAL.search(answer[position:end])
        position = end + int(literal[1]) if literal else end
        if not literal:
            found.append(answer[start:position])
            start = position
    return found


def each_line(change: Callable[[bytes], bytes]) -> Change:
    """Another line for each of them; b"" for none."""
    return lambda _command, answer: b"".join(map(change, lines(answer)))


def replaced(pattern: bytes, other: bytes, *, uid: int | None = None) -> Change:
    """Other words in each line about a message, or about one message only."""
    words = re.compile(pattern, re.DOTALL)
    return each_line(lambda line: words.sub(other, line) if uid is None or is_about(line, uid) else line)


def without(uid: int) -> Change:
    """Nothing about one message."""
    return each_line(lambda line: b"" if is_about(line, uid) else line)


def in_sets_only(change: Change) -> Change:
    """As long as more messages than one are asked for."""
    return lambda command, answer: change(command, answer) if len(asked(command)) > 1 else answer


def once(change: Change) -> Change:
    """Only the first time."""
    left = [change]
    return lambda command, answer: left.pop()(command, answer) if left else answer


def refusing(refusal: bytes, uid: int | None = None) -> Change:
    """Nothing but NO or BAD, and a text; always, or where this message is among those that are asked for."""

    def change(command: bytes, answer: bytes) -> bytes:
        is_meant = uid is None or uid in asked(command)
        return command.partition(b" ")[0] + b" " + refusal + b"\r\n" if is_meant else answer

    return change


def backwards(_command: bytes, answer: bytes) -> bytes:
    """The last message first."""
    *said, end = lines(answer)
    return b"".join([*said[::-1], end])


def nothing(_command: bytes, answer: bytes) -> bytes:
    """All is well, and not a word more."""
    return lines(answer)[-1]


def is_about(line: bytes, uid: int) -> bool:
    """Whether a line of a FETCH is about a message."""
    return re.match(rb"\* \d+ FETCH \(.*\bUID %d\b" % uid, line) is not None


def asked(command: bytes) -> Collection[int]:
    """The UIDs that a FETCH asks for."""
    found = re.search(rb" FETCH ([\d,]+) ", command)
    return [int(uid) for uid in found[1].split(b",")] if found else []
