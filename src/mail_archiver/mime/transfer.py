"""Content-Transfer-Encoding (RFC 2045 section 6), decoded as far as it goes, a piece at a time.

`binascii` decodes quoted-printable. The *repairs* are made to what it is given, for
malformed/quoted-printable-lower-case-and-trailing-spaces of `tests/corpus`:

- white space at the end of a line was added on the way, and goes (RFC 2045 section 6.7, rule 3);
- a soft line break may end with a bare CR, after which the library would drop the line.
"""

import binascii
import re
from collections.abc import Iterator

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.base64 import decode_base64
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.structure import Part
from mail_archiver.octets import Octets

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
UUENCODE = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})

_PADDED_LINE = re.compile(rb"\n(?:(?<=[ \t]\n)|(?<=[ \t]\r\n))")  # soon found: there are few line ends
_LINE_PADDING = re.compile(rb"(?<![ \t])[ \t]+(?=\r?\n)")
_ODD_SOFT_BREAK = re.compile(rb"=\r(?!\n)")
_LONGEST_LINE_OCTETS = 2 * 1024 * 1024


def transfer_encoding(part: Part) -> str:
    """Content-Transfer-Encoding in lower case, without what does not belong there; "" when absent."""
    encoding = part.raw("content-transfer-encoding") or ""
    return encoding.partition(";")[0].partition("(")[0].strip().strip("\"'").lower()


def decode_transfer(source: Octets, part: Part, report: Report) -> Iterator[bytes]:
    """The content of a leaf, in pieces.

    An unknown encoding is taken as identity, and so is uuencode, which is undone with the file in it.
    """
    encoding = transfer_encoding(part)
    if encoding == "base64":
        return decode_base64(
            source,
            part.start,
            part.end,
            lambda: report(DefectCode.TRANSFER_ENCODING_BROKEN, "broken base64, read as far as it goes"),
        )
    if encoding == "quoted-printable":
        return _decode_quoted_printable(source, part.start, part.end, report)
    if encoding not in IDENTITY | UUENCODE:
        report(DefectCode.TRANSFER_ENCODING_BROKEN, "unknown transfer encoding, taken as it is")
    return source.pieces(part.start, part.end)


def _decode_quoted_printable(source: Octets, start: int, end: int, report: Report) -> Iterator[bytes]:
    for lines in _whole_lines(source, start, end):
        if _PADDED_LINE.search(lines):
            lines = _LINE_PADDING.sub(b"", lines)  # noqa: PLW2901 the same, repaired
        decoded = binascii.a2b_qp(_ODD_SOFT_BREAK.sub(b"", lines))
        if decoded.count(b"=") > lines.count(b"=3D") + lines.count(b"=3d"):
            report(DefectCode.TRANSFER_ENCODING_BROKEN, "equals signs that encode nothing, kept")
        if decoded:
            yield decoded


def _whole_lines(source: Octets, start: int, end: int) -> Iterator[bytes]:
    """Pieces that end where a line does, so that no escape is cut in two.

    A line of more than 2 MiB is cut before its last equals sign.
    """
    carry = b""
    for piece in source.pieces(start, end):
        carry += piece
        cut = carry.rfind(b"\n") + 1
        if not cut and len(carry) > _LONGEST_LINE_OCTETS:
            cut = max(carry.rfind(b"=", -3), 0) or len(carry)
        if cut:
            yield carry[:cut]
            carry = carry[cut:]
    if carry:
        yield carry
