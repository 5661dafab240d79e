"""Base64 as mail has it (RFC 2045 section 6.8): broken in every way, and of any size.

pybase64 decodes it. The *repairs* above it, each with the mail of `tests/corpus/malformed` that needs it:

- what belongs to no base64 is left out (base64-with-noise, base64-text-with-nul);
- padding that is missing is added (base64-damaged, multipart-cut-in-base64);
- padding in the middle ends one text, and the next begins (base64-with-padding-in-the-middle), unless what
  follows is a footer, such as a mailing list adds, which ends it all (base64-damaged);
- what is no base64 at all comes back as it is (transfer-encodings-that-are-none).
"""

import binascii
from collections.abc import Callable, Iterator

from pybase64 import b64decode

from mail_archiver.octets import Octets

MAX_TEXTS = 20_000
"""Texts that end in padding, one after the other: beyond this many, padding is left out like other noise."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_WHITE_SPACE = b" \t\r\n\v\f"
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET))
_NO_BASE64 = bytes(set(_FOREIGN) - set(b"="))
_SAMPLE_OCTETS = 4 * 1024
_MOST_NOISE = 0.05
_FOOTER_OCTETS = 256


def decode_base64(
    source: Octets, start: int, end: int, report: Callable[[], None] = lambda: None
) -> Iterator[bytes]:
    """Decode what stands between two offsets, in pieces.

    Args:
        report: Called where it is broken, perhaps several times.
    """
    if _is_prose(source, start, end):
        report()
        yield from source.pieces(start, end)
        return
    for text_start, text_end, is_whole in _texts(source, start, end):
        if not is_whole:
            report()
        carry = b""
        for piece in source.pieces(text_start, text_end):
            text = carry + piece.translate(None, _WHITE_SPACE)
            try:
                decoded = b64decode(text[: len(text) // 4 * 4], validate=True)
            except binascii.Error:
                report()
                text = text.translate(None, _FOREIGN)
                decoded = b64decode(text[: len(text) // 4 * 4])
            carry = text[len(text) // 4 * 4 :]
            if decoded:
                yield decoded
        carry = carry.translate(None, _FOREIGN)
        padding = source.read(text_end, min(text_end + _FOOTER_OCTETS, end)).translate(None, _WHITE_SPACE)
        if carry and (len(carry) == 1 or not padding.startswith(b"=" * (-len(carry) % 4))):
            report()
        if len(carry) > 1:  # six bits alone are no octet
            yield b64decode(carry + b"=" * (-len(carry) % 4))


def _is_prose(source: Octets, start: int, end: int) -> bool:
    """Whether this was never base64: it begins with words, and is not only base64 with white space in it."""
    beginning = source.read(start, min(start + _SAMPLE_OCTETS, end)).partition(b"=")[0].strip()
    noise = beginning.translate(None, _ALPHABET + b"\r\n")
    if len(noise) <= _MOST_NOISE * len(beginning):
        return False
    sextets = sum(len(piece.translate(None, _NO_BASE64)) for piece in source.pieces(start, end))
    return bool(noise.strip()) or sextets % 4 > 0


def _texts(source: Octets, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """Where each text begins and where its padding does; and whether nothing follows it."""
    for _ in range(MAX_TEXTS):
        padding = source.find(b"=", start, end)
        if padding < 0:
            break
        rest = source.read(padding, min(padding + _FOOTER_OCTETS, end))
        following = rest.lstrip(b"=\r\n").rstrip()
        yield start, padding, not following
        if not following or following.partition(b"=")[0].translate(None, _ALPHABET + b"\r\n"):
            return
        start = padding + len(rest) - len(rest.lstrip(b"=\r\n"))
    if start < end:
        yield start, end, True
