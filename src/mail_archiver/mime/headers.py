"""Header fields to text and Message-IDs; each guarded on its own.

`binascii` decodes what stands in encoded words. The *repairs*, each with the mail of `tests/corpus` that
needs it:

- white space and question marks in an encoded word (malformed/encoded-words-with-spaces), words glued to
  other text or in quotation marks (malformed/encoded-words-in-quotation-marks), base64 that is broken
  (malformed/encoded-word-cut-off).
"""

import binascii
import re
from collections.abc import Iterable
from functools import partial

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.base64 import decode_base64
from mail_archiver.mime.charsets import (
    Report,
    charset_name,
    decode_raw,
    decode_text,
    read_undeclared,
    storable,
)
from mail_archiver.mime.parameters import Parameter
from mail_archiver.octets import InMemory

# Question marks inside are forbidden and common; a word ends where the next one begins at the latest.
ENCODED_WORD = r"=\?[^?\s]+\?[bBqQ]\?(?:[^?=]|\?(?!=)|=(?!\?[^=]))*+\?="
_WORDS = re.compile(rf"{ENCODED_WORD}(?:\s*{ENCODED_WORD}){{0,200}}")
_WORD = re.compile(r"=\?([^?*]+)(?:\*[^?]*)?\?([bBqQ])\?((?:[^?=]|\?(?!=)|=(?!\?[^=]))*+)\?=")
_LINE_END = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]+")


def _comment(levels: int) -> str:
    inner = _comment(levels - 1) if levels else "(?!)"
    return rf"\((?:[^()\\]++|\\.|{inner})*+\)"


COMMENT = _comment(6)
"""With comments in comments (RFC 5322 section 3.2.2), deeper than anybody goes."""
_MESSAGE_ID = re.compile(r"<([^<>]*)>")


def octets_of(raw: str) -> bytes:
    """A raw value as it was sent."""
    return raw.encode("utf-8", "surrogateescape")


def header_text(raw: str, report: Report, likely_charsets: Iterable[str] | None = None) -> str:
    """A raw value with undeclared 8-bit text in it read, and reported where it was not UTF-8.

    Args:
        likely_charsets: Tried in order, such as that of the message's text; what is valid in none of them is
            read as Windows-1252. None to look for one.
    """
    if raw.isascii():
        return raw
    octets = octets_of(raw)
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        pass
    for likely in likely_charsets or ():
        wrong: list[DefectCode] = []
        text = decode_text(octets, likely, lambda code, _action: wrong.append(code))  # noqa: B023 called at once
        if not wrong:
            name = charset_name(likely)  # not as declared: there may be a NUL, which cannot be stored
            report(DefectCode.HEADER_8BIT, f"undeclared 8-bit text read as {name[:40]}")
            return text
    text, charset = read_undeclared(octets, detects=likely_charsets is None)
    report(DefectCode.HEADER_8BIT, f"undeclared 8-bit text read as {charset}")
    return text


def plain_text(raw: str) -> str:
    """A raw value in which nothing is reported: UTF-8, else one character an octet."""
    return raw if raw.isascii() else decode_raw(octets_of(raw))


def parameter_text(parameter: Parameter, report: Report) -> str:
    """A parameter as a person reads it: RFC 2231, encoded words where there should be none, or raw 8-bit."""
    if parameter.charset:
        return decode_words(parameter.text, report)
    raw = parameter.octets.decode("ascii", "surrogateescape")
    return decode_words(header_text(raw, report).strip(), report)


def decode_unstructured(text: str, report: Report) -> str:
    """A value as a person reads it: encoded words (RFC 2047) decoded, white space collapsed."""
    return " ".join(decode_words(text, report).split())


def decode_words(text: str, report: Report) -> str:
    """Decode the encoded words in a text, wherever they stand.

    Neighbours in one charset are decoded together: senders cut characters in two.
    """
    if "=?" in text:
        text = _WORDS.sub(lambda found: _decoded(found[0], report), text).strip()
    return text if text.isprintable() else storable(_LINE_END.sub(" ", text), report)


def _decoded(words: str, report: Report) -> str:
    """Encoded words, with nothing but white space between them, which does not count."""
    pieces: list[tuple[str, bytearray]] = []
    for charset, encoding, encoded in _WORD.findall(words):
        octets = _word_octets(encoding, encoded, report)
        if pieces and pieces[-1][0] == charset.lower():
            pieces[-1][1].extend(octets)
        else:
            pieces.append((charset.lower(), bytearray(octets)))
    return "".join(decode_text(bytes(octets), charset, report) for charset, octets in pieces)


def _word_octets(encoding: str, encoded: str, report: Report) -> bytes:
    octets = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(octets.replace(b" ", b"_"), header=True)
    broken = partial(
        report, DefectCode.HEADER_UNDECODABLE, "broken base64 in an encoded word, read as far as it goes"
    )
    return b"".join(decode_base64(InMemory(octets), 0, len(octets), broken))


def read_message_id(raw: str, report: Report) -> str | None:
    """A Message-ID without its brackets, white space removed; None when empty."""
    bracketed = _MESSAGE_ID.search(raw)
    if not bracketed and raw:
        report(DefectCode.MESSAGE_ID_INVALID, "no brackets, taken as it is")
    return _id(bracketed[1] if bracketed else raw, report) or None


def read_references(raw: str, report: Report) -> tuple[str, ...]:
    """The Message-IDs of References (RFC 5322 section 3.6.4), without brackets, in order."""
    bracketed = read_in_reply_to(raw, report)
    if bracketed:
        return bracketed
    return tuple(dict.fromkeys(_id(word, report) for word in raw.split() if "@" in word))


def read_in_reply_to(raw: str, report: Report) -> tuple[str, ...]:
    """The Message-IDs of In-Reply-To, without brackets: it used to be a phrase, with addresses in it too."""
    found = [_id(inner, report) for inner in _MESSAGE_ID.findall(raw)]
    return tuple(dict.fromkeys(filter(None, found)))


def _id(text: str, report: Report) -> str:
    return storable("".join(plain_text(text).split()), report)


def read_keyword(raw: str, report: Report) -> str | None:
    """The keyword that a value begins with, in lower case; parameters and comments left out."""
    return storable(re.split(r"[;(\s]", plain_text(raw), maxsplit=1)[0].lower(), report) or None
