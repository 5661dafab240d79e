"""Base64 as mail has it (RFC 2045 section 6.8): broken in every way, and of any size."""

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from pybase64 import b64decode, b64encode

from mail_archiver.octets import PIECE_OCTETS, Content, InMemory, Octets

MAX_RUNS = 100_000
"""Texts that end in padding and are glued together: beyond this many, padding is skipped like other noise."""

MAX_WHOLE_OCTETS = 4 * 1024 * 1024
"""Longer texts are looked at, and decoded, piece by piece."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET + b"="))
_NO_SEXTETS = bytes(set(range(256)) - set(_ALPHABET))
_FOOTER = re.compile(rb"=[A-Za-z0-9+/\r\n]*+[^=]")
_RUN = re.compile(rb"([^=]*+)(=?)")
_EDGE_OCTETS = 4_096


def encode_base64(pieces: Iterable[bytes], width: int) -> Iterator[bytes]:
    """Base64 as programs write it: lines of so many characters, a multiple of 4, each ended by CRLF."""
    for octets in _whole_lines(pieces, width):
        text = b64encode(octets)
        lines = [text[start : start + width] for start in range(0, len(text), width)]
        yield b"\r\n".join([*lines, b""])


def encoded_octets(size: int, width: int) -> int:
    """How long what `encode_base64` makes of so many octets is."""
    characters = -(-size // 3) * 4
    return characters + 2 * -(-characters // width)


def is_encoded_at(source: Octets, start: int, content: Content, width: int) -> bool:
    """Whether what stands there is, to the octet, what `encode_base64` makes of a content."""
    for octets in _whole_lines(content.pieces(), width):
        end = start + encoded_octets(len(octets), width)
        if not _is_encoded(source.read(start, end), octets, width):
            return False
        start = end
    return True


def _is_encoded(encoded: bytes, octets: bytes, width: int) -> bool:
    """Compares the texts without line ends, and these all together, which takes half the time."""
    text, ends = b64encode(octets), -(-len(octets) // (width // 4 * 3)) - 1
    rest = bytearray(encoded)
    if rest[-2:] != b"\r\n" or rest[width :: width + 2][:ends] != b"\r" * ends:
        return False
    del rest[-2:], rest[width :: width + 2]
    if rest[width :: width + 1] != b"\n" * ends:
        return False
    del rest[width :: width + 1]
    return rest == text


def _whole_lines(pieces: Iterable[bytes], width: int) -> Iterator[bytes]:
    """The same octets in pieces that end where a line does, and are encoded less than `PIECE_OCTETS` long."""
    line = width // 4 * 3
    most = max(PIECE_OCTETS // 2 // line, 1) * line
    carry = b""
    for piece in pieces:
        octets = carry + piece
        end = len(octets) - len(octets) % line
        for start in range(0, end, most):
            yield octets[start : min(start + most, end)]
        carry = octets[end:]
    if carry:
        yield carry


def decode_base64(encoded: bytes) -> tuple[bytes, bool]:
    """Decode a short text, and say whether it was broken (see `read_base64`)."""
    read = read_base64(InMemory(encoded), 0, len(encoded))
    return b"".join(read.decode()) if read.decoded is None else read.decoded, read.is_broken


@dataclass(frozen=True, slots=True)
class Base64:
    """How to read it.

    Attributes:
        decode: As a reader wants it.
        decode_v1: As the fingerprint v1 has it: there, white space counts among what is no base64.
        decoded: What either reads, where it had to be decoded to be looked at.
        width: Of the lines, where `encode_base64` makes this text of `decoded`, but for its last line end.
    """

    decode: Callable[[], Iterator[bytes]]
    decode_v1: Callable[[], Iterator[bytes]]
    is_broken: bool
    decoded: bytes | None = None
    width: int | None = None


def read_base64(source: Octets, start: int, end: int) -> Base64:
    """Look at base64 between two offsets: how to decode it, and whether it is broken.

    Padding in the middle does not end it when only base64 follows (two texts glued together), but a footer
    does; a missing one is added, and foreign bytes are skipped. What is no base64 at all comes back as it is.
    """
    sound = _decode_sound(source.read(start, end)) if end - start <= MAX_WHOLE_OCTETS else None
    if sound is not None:
        decode_anew, (octets, width) = partial(_decode, source, start, end), sound
        return Base64(decode_anew, decode_anew, is_broken=False, decoded=octets, width=width)
    survey = _survey(source, *_strip(source, start, end))
    as_it_is = partial(source.pieces, start, end)
    decode = _decode_runs if survey.padding_inside else _decode
    decoded = partial(decode, source, survey.start, survey.end)
    most_foreign = survey.octets // 20
    decode_v1 = as_it_is if survey.foreign + survey.blanks > most_foreign else decoded
    return Base64(decode_v1 if survey.is_broken else decoded, decode_v1, survey.is_broken)


def _decode_sound(encoded: bytes) -> tuple[bytes, int | None] | None:
    """Base64 with nothing wrong about it, as most is, and `Base64.width`; None where there is."""
    text = encoded.strip()
    try:
        even = _decode_even_lines(text)
        if even is None:
            return b64decode(text.translate(None, b"\r\n"), validate=True), None
    except binascii.Error:
        return None
    decoded, width = even
    # Only the last characters can be others that say the same.
    last = decoded[(len(decoded) - 1) // 3 * 3 :]
    is_as_written = width % 4 == 0 and encoded.startswith(text) and text.endswith(b64encode(last))
    return decoded, width if is_as_written else None


def _decode_even_lines(text: bytes) -> tuple[bytes, int] | None:
    """Base64 in lines of one length, as programs write it, in a third of the time, and that length.

    None of any other. The decoder leaves out what is no base64: where no more than the line ends is missing,
    nothing else was.
    """
    width = text.find(b"\r\n")
    if width <= 0:
        return None
    ends = text[width :: width + 2]
    lines = len(ends)
    if ends != b"\r" * lines or text[width + 1 :: width + 2] != b"\n" * lines:
        return None
    decoded = b64decode(text)
    padding = 2 if text.endswith(b"==") else int(text.endswith(b"="))
    return (decoded, width) if 4 * (len(decoded) + padding) == 3 * (len(text) - 2 * lines) else None


@dataclass(slots=True)
class _Survey:
    """What a first reading shows.

    Attributes:
        start, end: Where the base64 lies, a footer left out.
        foreign: Bytes that are neither base64 nor white space.
        blanks: White space but for line ends.
        padding_inside: Base64 follows after padding.
    """

    start: int
    end: int
    foreign: int = 0
    blanks: int = 0
    sextets: int = 0
    padding: int = 0
    padding_inside: bool = False
    has_footer: bool = False

    @property
    def octets(self) -> int:
        return self.end - self.start

    @property
    def is_broken(self) -> bool:
        rest = self.sextets % 4
        is_cut = rest == 1 or (rest > 1 and self.padding < 4 - rest)
        return is_cut or self.has_footer or self.padding_inside or self.foreign > 0

    def add(self, piece: bytes) -> None:
        base64 = piece.translate(None, _FOREIGN)
        noise = piece.translate(None, _ALPHABET + b"=\r\n")
        blanks = len(noise) - len(noise.translate(None, b" \t"))
        self.foreign += len(noise) - blanks
        self.blanks += blanks
        before_padding = base64.rstrip(b"=")
        padding = base64.count(b"=")
        if before_padding and (self.padding or len(base64) - len(before_padding) < padding):
            self.padding_inside = True
        self.sextets += len(base64) - padding
        self.padding += padding


def _strip(source: Octets, start: int, end: int) -> tuple[int, int]:
    """The bounds without white space at either end."""
    while start < end:
        edge = source.read(start, min(start + _EDGE_OCTETS, end))
        start += len(edge) - len(edge.lstrip())
        if edge.lstrip():
            break
    while start < end:
        edge = source.read(max(end - _EDGE_OCTETS, start), end)
        end -= len(edge) - len(edge.rstrip())
        if edge.rstrip():
            break
    return start, end


def _survey(source: Octets, start: int, end: int) -> _Survey:
    survey, position = _Survey(start, end), start
    padding_at: int | None = None  # the last padding so far; nothing but base64 has followed
    for piece in source.pieces(start, end):
        before = b"" if padding_at is None else b"="
        footer = _FOOTER.search(before + piece)
        if footer:
            at_padding = padding_at is not None and footer.start() == 0
            survey.end = padding_at if padding_at is not None and at_padding else position
            survey.end += 0 if at_padding else footer.start() - len(before)
            survey.has_footer = True
            survey.add(piece[: max(survey.end - position, 0)])
            break
        last = piece.rfind(b"=")
        padding_at = padding_at if last < 0 else position + last
        position += len(piece)
        survey.add(piece)
    return survey


def _decode(source: Octets, start: int, end: int) -> Iterator[bytes]:
    """Base64 with no padding but at its end."""
    carry = b""
    for piece in source.pieces(start, end):
        sextets = carry + piece.translate(None, _NO_SEXTETS)
        whole = len(sextets) // 4 * 4
        carry = sextets[whole:]
        if whole:
            yield b64decode(sextets[:whole], validate=True)
    if len(carry) > 1:
        yield _decode_run(carry)


def _decode_runs(source: Octets, start: int, end: int) -> Iterator[bytes]:
    """Several texts, one after the other, each ended by padding."""
    carry, runs = b"", 0
    for piece in source.pieces(start, end):
        decoded = bytearray()
        base64 = carry + piece.translate(None, _FOREIGN if runs < MAX_RUNS else _NO_SEXTETS)
        carry = b""
        for run in _RUN.finditer(base64):
            if not run[2]:
                whole = len(run[1]) // 4 * 4
                decoded += binascii.a2b_base64(run[1][:whole])
                carry += run[1][whole:]
                continue
            runs += 1
            decoded += _decode_run(run[1])
            if runs == MAX_RUNS:
                base64 = base64[run.end() :].translate(None, _NO_SEXTETS)
                whole = len(base64) // 4 * 4
                decoded += binascii.a2b_base64(base64[:whole])
                carry = base64[whole:]
                break
        if decoded:
            yield bytes(decoded)
    if len(carry) > 1:
        yield _decode_run(carry)


def _decode_run(run: bytes) -> bytes:
    whole = run[:-1] if len(run) % 4 == 1 else run  # six bits alone are no octet
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
