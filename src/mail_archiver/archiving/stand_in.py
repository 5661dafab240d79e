"""Mail that a server makes up in place of a message that it cannot convert for IMAP."""

import re

from mail_archiver.octets import Octets

_LOOKED_AT_OCTETS = 16 * 1024
_ITS_WORDS = b"retrieval using the imap4 protocol failed"  # sooner found than an expression
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_EXCHANGE = re.compile(
    rb"^Subject:\s*Retrieval using the IMAP4 protocol failed for the following message\b", re.I | re.M
)
_RECEIVED = re.compile(rb"^Received:", re.I | re.M)


def is_stand_in(source: Octets) -> bool:
    """Whether it is Exchange's stand-in, and not a message that tells of one: those have travelled."""
    start = source.read(0, _LOOKED_AT_OCTETS)
    if _ITS_WORDS not in start.lower():
        return False
    header = _END_OF_HEADER.split(start, maxsplit=1)[0]
    return bool(_EXCHANGE.search(header)) and not _RECEIVED.search(header)
