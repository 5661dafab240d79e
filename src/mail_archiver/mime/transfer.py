"""Content-Transfer-Encoding (RFC 2045 section 6), decoded as far as it goes."""

import binascii
import re

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FOOTER = re.compile(rb"=[A-Za-z0-9+/\r\n]*+[^=]")
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET + b"="))
_NO_PADDING = re.compile(rb"[^=]+")
_ODD_SOFT_BREAK = re.compile(rb"=(?:[ \t]++\r?\n|\r(?!\n))")  # the C decoder drops text after the second


def decode_base64(encoded: bytes) -> tuple[bytes, bool]:
    """Decode base64, and say whether it was broken.

    Padding in the middle does not end it when only base64 follows (two texts glued together), but a footer
    does; a missing one is added, and foreign bytes are skipped. What is no base64 at all comes back as it is.
    """
    lines = encoded.strip()
    footer = _FOOTER.search(lines)
    lines = lines[: footer.start()] if footer else lines
    sextets = lines.translate(None, _FOREIGN)
    if len(lines) - len(sextets) - lines.count(b"\n") - lines.count(b"\r") > len(lines) // 20:
        return encoded, True
    if not footer and b"=" not in sextets.rstrip(b"="):  # the C decoder stops at padding without a word
        try:
            return binascii.a2b_base64(sextets), False
        except binascii.Error:
            pass
    decoded = bytearray()
    for run in _NO_PADDING.findall(sextets):
        whole = run[:-1] if len(run) % 4 == 1 else run  # six bits alone are no octet
        decoded += binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))
    return bytes(decoded), True


def decode_transfer(content: bytes, encoding: str, report: Report) -> bytes:
    """Undo a transfer encoding; an unknown one is taken as identity.

    Args:
        encoding: The field's value in lower case.
    """
    if encoding == "base64":
        decoded, broken = decode_base64(content)
        if broken:
            report(DefectCode.TRANSFER_ENCODING_BROKEN, "broken base64, read as far as it goes")
        return decoded
    if encoding == "quoted-printable":
        return binascii.a2b_qp(_ODD_SOFT_BREAK.sub(b"", content))
    if encoding not in ("", "7bit", "8bit", "binary"):
        report(DefectCode.TRANSFER_ENCODING_BROKEN, "unknown transfer encoding, taken as it is")
    return content
