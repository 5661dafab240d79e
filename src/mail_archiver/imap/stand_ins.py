"""What servers hand out in place of a message that another session has expunged, while they still show it."""

from mail_archiver.octets import Octets

# Courier's, which is dated now. Others have an empty one, of 1970.
_COURIERS = (
    b"From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n"
    b"This message is no longer available on the server.\r\n"
)

SIZES_OCTETS = frozenset({0, len(_COURIERS)})
"""The sizes of all of them."""


def may_stand_in(source: Octets) -> bool:
    """Whether these bytes may be such a one; somebody may have sent a message with the same words."""
    return len(source) in SIZES_OCTETS and source.read(0, len(source)) in (b"", _COURIERS)
