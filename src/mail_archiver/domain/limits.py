"""How much of one message is taken apart; what lies beyond is kept in the original, and a defect says so."""

from dataclasses import dataclass

MAX_DEPTH = 64
MAX_PARTS = 2_000
"""The structure is read this far and no further, whatever the settings say: the fingerprint rests on it."""

MAX_HEADER_OCTETS = 2 * 1024 * 1024
"""Likewise for header fields, those of all parts together; and a sixteenth of the message more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is extracted from one message at most.

    Attributes:
        depth: Levels of multiparts, and of messages enclosed in messages.
        parts: Parts of the message, and of all that is enclosed in it.
        header_octets: Of the header, that are read for addresses, subject and so on.
        addresses: In all header fields together.
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
