"""Header fields to text, dates and Message-IDs; each guarded on its own."""

import binascii
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report, decode_raw, decode_text, storable
from mail_archiver.mime.transfer import decode_base64

_FOLD = re.compile(r"\r?\n[ \t]+")
# Question marks inside are forbidden and common; a word ends where the next one begins at the latest.
ENCODED_WORD = r"=\?([^?\s*]+)(?:\*[^?\s]*)?\?([bBqQ])\?((?:[^?=]|\?(?!=)|=(?!\?[^=]))*+)\?="
_ENCODED_WORD = re.compile(ENCODED_WORD)
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]+\?[bBqQ]\?)")
_WHITE_SPACE = re.compile(r"\s+")
_LINE_END = re.compile(r"[\t\r\n\v\f\x85\u2028\u2029]+")
_MESSAGE_ID = re.compile(r"<([^<>]*)>")


def unfold(raw: bytes) -> str:
    """A raw value on one line (RFC 5322 section 2.2.3); undeclared 8-bit bytes as in `decode_raw`."""
    return _FOLD.sub(" ", decode_raw(raw)).replace("\r", "").replace("\n", " ").strip()


def header_text(raw: bytes, report: Report) -> str:
    """A raw value on one line, its encoded words still encoded; undeclared 8-bit bytes reported."""
    if not raw.isascii() and not _is_utf8(raw):
        report(DefectCode.HEADER_8BIT, "undeclared 8-bit text read as Windows-1252")
        raw = raw.decode("cp1252", "replace").encode()
    return unfold(raw)


def decode_unstructured(raw: bytes, report: Report) -> str:
    """A raw value as a person reads it: one line, encoded words (RFC 2047) decoded, white space collapsed."""
    return _WHITE_SPACE.sub(" ", decode_words(header_text(raw, report), report)).strip()


def decode_words(text: str, report: Report) -> str:
    """Decode the encoded words in unfolded text, wherever they stand.

    Neighbours in one charset and encoding are decoded together: senders cut characters in two.
    """
    if "=?" not in text:
        return storable(_LINE_END.sub(" ", text), report)
    text = _BETWEEN_WORDS.sub(r"\1", text)
    pieces: list[str] = []
    pending, pending_charset, end = bytearray(), "", 0
    for word in _ENCODED_WORD.finditer(text):
        charset, encoding, encoded = word.group(1).lower(), word.group(2), word.group(3)
        between = text[end : word.start()]
        if pending and (between or charset != pending_charset):
            pieces.append(decode_text(bytes(pending), pending_charset, report))
            pending.clear()
        pieces.append(between)
        pending += _word_bytes(encoding, encoded, report)
        pending_charset, end = charset, word.end()
    if pending:
        pieces.append(decode_text(bytes(pending), pending_charset, report))
    pieces.append(text[end:])
    return storable(_LINE_END.sub(" ", "".join(pieces)).strip(), report)


def _word_bytes(encoding: str, encoded: str, report: Report) -> bytes:
    octets = encoded.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(octets.replace(b" ", b"_"), header=True)
    content, broken = decode_base64(octets)
    if broken:
        report(DefectCode.HEADER_UNDECODABLE, "broken base64 in an encoded word, read as far as it goes")
    return content


def read_date(raw: bytes, report: Report) -> datetime | None:
    """The Date field (RFC 5322 section 3.3), in UTC; None when it is no moment in time.

    A zone of "-0000" says that the local zone is unknown: the time is UTC all the same.
    """
    try:
        moment = parsedate_to_datetime(unfold(raw))
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        report(DefectCode.DATE_INVALID, "no moment in time, left empty")
        return None


def read_message_id(raw: bytes, report: Report) -> str | None:
    """A Message-ID without its brackets, white space removed; None when empty."""
    text = unfold(raw)
    bracketed = _MESSAGE_ID.search(text)
    if not bracketed and text:
        report(DefectCode.MESSAGE_ID_INVALID, "no brackets, taken as it is")
    return storable(_WHITE_SPACE.sub("", bracketed.group(1) if bracketed else text), report) or None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
