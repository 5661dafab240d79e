"""Content-Transfer-Encoding (RFC 2045 section 6), decoded as far as it goes."""

import binascii
import re

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_BASE64_RUN = re.compile(rb"[^=]+")


def decode_base64(encoded: bytes) -> tuple[bytes, bool]:
    """Decode base64, and say whether it was broken.

    Padding in the middle does not end it (two texts glued together), a missing one is added, and foreign
    bytes are skipped.
    """
    padding = encoded.find(b"=")
    # The C decoder stops at the first padding without a word: nothing may come after it.
    if padding < 0 or not encoded[padding:].strip(b"= \t\r\n"):
        try:
            return binascii.a2b_base64(encoded), False
        except binascii.Error:
            pass
    decoded = bytearray()
    for run in _BASE64_RUN.findall(_NOT_BASE64.sub(b"", encoded)):
        whole = run[: len(run) - 1] if len(run) % 4 == 1 else run  # six bits alone are no octet
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
        return binascii.a2b_qp(content)
    if encoding not in ("", "7bit", "8bit", "binary"):
        report(DefectCode.TRANSFER_ENCODING_BROKEN, "unknown transfer encoding, taken as it is")
    return content
