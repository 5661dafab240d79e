"""Base64 in lines of one length, as programs write it: written, and recognised where it stands."""

from collections.abc import Iterable, Iterator

from pybase64 import b64encode

from mail_archiver.octets import PIECE_OCTETS, Content, Octets


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
