"""Content-Transfer-Encoding (RFC 2045 section 6), decoded as far as it goes, a piece at a time."""

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.base64 import read_base64
from mail_archiver.mime.charsets import Report
from mail_archiver.octets import PIECE_OCTETS, Octets

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
UUENCODE = frozenset({"x-uuencode", "uuencode", "x-uue", "uue"})

_ODD_SOFT_BREAK = re.compile(rb"=(?:[ \t]++\r?\n|\r(?!\n))")  # the C decoder drops text after the second
_LINE_PADDING = re.compile(rb"(?<![ \t=])[ \t]++(?=\r?\n)")
_BLANK_BEFORE_LINE_END = re.compile(rb"\n(?:(?<=[ \t]\n)|(?<=[ \t]\r\n))")  # found 50 times as fast
_BARE_EQUALS_SIGN = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*+\r?\n|\r|\Z)")
_UNUSUAL = re.compile(rb"=(?![0-9A-Fa-f]{2}|\r?\n|\Z)")  # those above among it
_CUT = re.compile(rb"[^=\s]{3}|[0-9A-Fa-f]{2}=[^=]")  # backwards
_EDGE_OCTETS = 64 * 1024
_LONGEST_CARRY_OCTETS = 2 * 1024 * 1024

Decode = Callable[[], Iterator[bytes]]
"""Reads the decoded bytes from the beginning, as often as it is called."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How to read a part.

    Attributes:
        decode: As a reader wants it.
        decode_v1: As the fingerprint v1 has it, which was frozen before some errors were read as well.
        decoded: What either reads, where it had to be decoded to be looked at: whoever keeps it need not do
            it again.
        width: Of its lines, where it is base64 as `encode_base64` writes it (see `Base64.width`).
    """

    decode: Decode
    decode_v1: Decode
    decoded: bytes | None = None
    width: int | None = None


def open_transfer(source: Octets, start: int, end: int, encoding: str, report: Report) -> Transfer:
    """Undo the transfer encoding of a part; an unknown one is taken as identity.

    Args:
        start, end: Where the part's body lies in the source.
        encoding: The field's value in lower case.
    """
    if encoding == "base64":
        read = read_base64(source, start, end)
        if read.is_broken:
            report(DefectCode.TRANSFER_ENCODING_BROKEN, "broken base64, read as far as it goes")
        return Transfer(read.decode, read.decode_v1, read.decoded, read.width)
    if encoding == "quoted-printable":
        return _open_quoted_printable(source, start, end, report)
    if encoding not in IDENTITY and encoding not in UUENCODE:  # that is undone with the file in it
        report(DefectCode.TRANSFER_ENCODING_BROKEN, "unknown transfer encoding, taken as it is")
    identity = partial(source.pieces, start, end)
    return Transfer(identity, identity)


def _open_quoted_printable(source: Octets, start: int, end: int, report: Report) -> Transfer:
    decode_v1 = partial(_decode_quoted_printable, source, start, end, keep_padding=True)
    beginning = source.read(start, min(start + PIECE_OCTETS, end))
    is_all = len(beginning) == end - start
    if is_all and not _UNUSUAL.search(beginning) and not _BLANK_BEFORE_LINE_END.search(beginning):
        return Transfer(decode_v1, decode_v1, binascii.a2b_qp(beginning))
    if _BARE_EQUALS_SIGN.search(beginning):
        report(DefectCode.TRANSFER_ENCODING_BROKEN, "equals signs that encode nothing, kept")
    has_padding = any(
        _BLANK_BEFORE_LINE_END.search(piece) and _LINE_PADDING.search(piece)
        for piece in _cut_pieces(source, start, end)
    )
    if not has_padding:
        decoded = b"".join(decode_v1()) if is_all else None
        return Transfer(decode_v1, decode_v1, decoded)
    return Transfer(partial(_decode_quoted_printable, source, start, end, keep_padding=False), decode_v1)


def _decode_quoted_printable(source: Octets, start: int, end: int, *, keep_padding: bool) -> Iterator[bytes]:
    for piece in _cut_pieces(source, start, end):
        # White space at the end of a line was added on the way (RFC 2045 section 6.7, rule 3).
        lines = piece if keep_padding else _LINE_PADDING.sub(b"", piece)
        decoded = binascii.a2b_qp(_ODD_SOFT_BREAK.sub(b"", lines))
        if decoded:
            yield decoded


def _cut_pieces(source: Octets, start: int, end: int) -> Iterator[bytes]:
    """Pieces that can be decoded one by one."""
    carry = b""
    for piece in source.pieces(start, end):
        cut = _where_to_cut(carry) if carry else 0
        if cut:
            yield carry[:cut]
        carry = carry[cut:] + piece
    if carry:
        yield carry


def _where_to_cut(encoded: bytes) -> int:
    """Not near what an equals sign begins, nor in the white space that ends a line."""
    cut = _CUT.search(encoded[-_EDGE_OCTETS:][::-1])
    if cut:
        return len(encoded) - cut.start()
    return len(encoded) if len(encoded) > _LONGEST_CARRY_OCTETS else 0
