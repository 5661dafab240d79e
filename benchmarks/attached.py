"""Files as people attach them: most are compressed already, some are text."""

import binascii
from dataclasses import dataclass
from random import Random

_LINE = 76  # RFC 2045 section 6.8
_KINDS = (
    # weight, type, suffix, how the bytes begin; text has none
    (45, "application/pdf", "pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"),
    (22, "image/jpeg", "jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
    (
        10,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        b"PK\x03\x04\x14",
    ),
    (8, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", b"PK\x03\x04\x14"),
    (10, "text/csv", "csv", None),
    (5, "text/plain", "log", None),
)


@dataclass(frozen=True)
class File:
    """A file with a name and a media type."""

    name: str
    content_type: str
    content: bytes


def a_file(random: Random, octets: int) -> File:
    """About so large; the content is noise, as that of compressed files is, or the rows of a table."""
    _, content_type, suffix, magic = random.choices(_KINDS, [weight for weight, *_ in _KINDS])[0]
    name = f"{random.choice(['Offer', 'scan', 'IMG', 'Rechnung', 'devis', 'plan'])}-{random.randrange(10**6)}"
    if magic is None:
        return File(f"{name}.{suffix}", content_type, _rows(random, octets))
    return File(f"{name}.{suffix}", content_type, magic + random.randbytes(octets))


def a_logo(number: int) -> File:
    """A signature's image: the same for the same number, in every message."""
    noise = Random(number).randbytes(4000 + number % 20_000)
    return File(f"image{number % 9:03}.png", "image/png", b"\x89PNG\r\n\x1a\n" + noise)


def base64_lines(content: bytes) -> bytes:
    """The body of a base64 part, with CRLF."""
    encoded = binascii.b2a_base64(content, newline=False)
    return b"\r\n".join(encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE)) + b"\r\n"


def _rows(random: Random, octets: int) -> bytes:
    rows, size = [], 0
    while size < octets:
        row = (
            f"2026-{random.randint(1, 12):02}-{random.randint(1, 28):02};{random.randrange(10**7):07};"
            f"{random.choice(['delivered', 'open', 'returned'])};{random.random() * 1000:.2f};EUR\r\n"
        ).encode()
        rows.append(row)
        size += len(row)
    return b"".join(rows)
