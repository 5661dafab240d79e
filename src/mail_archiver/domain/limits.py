"""How much of one message is taken apart; what lies beyond is kept in the original, and a defect says so."""

from dataclasses import dataclass

MAX_DEPTH = 64
MAX_PARTS = 2_000
"""The structure is read this far and no further, whatever the settings say: the fingerprint rests on it."""

MAX_HEADER_OCTETS = 2 * 1024 * 1024
"""Of header that are read, all parts together, plus a sixteenth of the message; likewise fixed."""

MAX_KEPT_OCTETS = 8 * 1024 * 1024
"""Of what is decoded of one message, that stay in memory to be stored; the rest is decoded once more then."""

MAX_DASHED_LINES = 100_000
"""Lines beginning with "--" that are looked at, and one more for each 200 octets; once they are used up,
nothing further is taken apart."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is extracted from one message at most.

    Attributes:
        depth: Levels of multiparts, and of messages enclosed in messages.
        parts: Parts of the message, and of all that is enclosed in it.
        header_octets: Of the header, that are read for addresses, subject and so on.
        addresses: In all header fields together, those that are empty or there twice included.
        body_octets: Of text, and as much of HTML, before they are decoded to characters.
        decoded_octets: Attachments all together; never more than 4 times the message either, which only
            messages in messages can reach.
    """

    depth: int = MAX_DEPTH
    parts: int = MAX_PARTS
    header_octets: int = 512 * 1024
    addresses: int = 10_000
    body_octets: int = 1024 * 1024
    decoded_octets: int = 2 * 1024 * 1024 * 1024


@dataclass(slots=True)
class Effort:
    """How much may still be read of a message and of what it encloses, so that no mail takes for ever."""

    parts: int
    header_octets: int
    dashed_lines: int
    kept_octets: int

    @classmethod
    def for_message(cls, size_octets: int) -> "Effort":
        """For one message."""
        return cls(
            parts=MAX_PARTS,
            header_octets=MAX_HEADER_OCTETS + size_octets // 16,
            dashed_lines=MAX_DASHED_LINES + size_octets // 200,
            kept_octets=min(size_octets, MAX_KEPT_OCTETS),
        )

    def keep(self, octets: int) -> bool:
        """Whether so much more may be kept in memory; if so, it counts."""
        may_keep = octets <= self.kept_octets
        self.kept_octets -= octets if may_keep else 0
        return may_keep
