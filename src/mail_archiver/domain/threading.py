"""Which messages are one conversation: by the Message-IDs they name (RFC 5322 section 3.6.4), not by subject.

A thread is what hangs together: two messages that name the same Message-ID, or of which one names the other,
and whatever a third one brings together. Nothing else counts: not the order in which messages arrive, nor a
parent that never does, nor which of two copies of a message lost half of its References on the way.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mail_archiver.domain.message import Message

KEY_DIGITS = 32
"""Length of a key, hex digits: 128 bits of a SHA-256."""

REFERENCES_USED = 200
"""Of one header: the first, which is the thread's beginning, and the last ones, which are the nearest."""


def message_key(message_id: str) -> str:
    """A Message-ID in bounded form: the first `KEY_DIGITS` hex digits of its SHA-256, case kept.

    The recipe is frozen: threads that are stored find their later messages by it.
    """
    return hashlib.sha256(message_id.encode(errors="surrogatepass")).hexdigest()[:KEY_DIGITS]


def thread_keys(message: Message) -> tuple[str, ...]:
    """Keys of all that a message names, each once: References, In-Reply-To, then itself. Never empty.

    A message without a Message-ID is named by its fingerprint, so that every message has a key of its own,
    by which a second copy that knows more finds the first.
    """
    named = [*_ends(message.references), *_ends(message.in_reply_to)]
    digest = message.fingerprint.partition(":")[2]
    own = message_key(message.message_id) if message.message_id else digest[:KEY_DIGITS]
    return tuple(dict.fromkeys([*(message_key(each) for each in named if each), own]))


def _ends(message_ids: Sequence[str]) -> Sequence[str]:
    return (*message_ids[:1], *message_ids[1:][1 - REFERENCES_USED :])


@dataclass(frozen=True, slots=True)
class ThreadDecision:
    """What follows from messages that are new.

    Attributes:
        threads: The thread of every key that they name.
        merged: Threads that end, each with the one that it is part of now.
    """

    threads: dict[str, str]
    merged: dict[str, str]


def decide_threads(messages: Iterable[Sequence[str]], known: Mapping[str, str]) -> ThreadDecision:
    """Which threads some messages belong to, and which they bring together.

    A thread is called by the smallest of the keys that its messages name first. Mostly that is the key of the
    message that began it, whether that one is archived or not; and it never depends on what arrived first.

    Args:
        messages: The keys of each (see `thread_keys`).
        known: The threads of those of the keys that earlier messages have named already.
    """
    groups, names = _Groups(), set[str]()
    for keys in messages:
        names.add(keys[0])
        for key in keys:
            groups.join(keys[0], key)
            if key in known:
                groups.join(key, known[key])
                names.add(known[key])
    name_of = {groups.find(name): name for name in sorted(names, reverse=True)}
    threads = {key: name_of[groups.find(key)] for key in groups.members}
    merged = {thread: threads[thread] for thread in known.values() if threads[thread] != thread}
    return ThreadDecision(threads, merged)


class _Groups:
    """Disjoint sets, each known by one of its members."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    @property
    def members(self) -> Iterable[str]:
        return list(self._parents)

    def find(self, member: str) -> str:
        """The member that stands for the set of this one."""
        parents = self._parents
        parent = parents.setdefault(member, member)
        while parent != member:
            parents[member] = grandparent = parents[parent]  # the next way is half as long
            member, parent = grandparent, parents[grandparent]
        return member

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        self._parents[self.find(one)] = self.find(other)
