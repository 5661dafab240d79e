"""Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2231).

The standard library's parser takes quadratic time on quotes and raises on some pieces of RFC 2231.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote_to_bytes

from mail_archiver.mime.charsets import decode_raw, decode_text

MAX_PARAMETERS = 5_000
_MAX_KNOWN_OCTETS = 100

_VALUE = re.compile(rb"[^;\s]*")
# Separators begin where a run of them begins: a semicolon may be missing, and there may be a million.
_PARAMETER = re.compile(rb'(?<![\s;])[\s;]++([^\s=;"]++)\s*+=\s*+("(?:[^"\\]|\\.)*+"|[^;]*+)', re.DOTALL)
_NAME = re.compile(rb"(.+?)(?:\*([0-9]{1,4}))?(\*)?", re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')  # no other: "C:\temp\a.pdf" is a path


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        octets: The value without quotes and percent signs, its pieces joined; encoded words still encoded.
        charset: As RFC 2231 declares it, else "".
    """

    octets: bytes
    charset: str = ""

    @property
    def text(self) -> str:
        """The value as text; encoded words (RFC 2047) are left to the caller."""
        if self.charset:
            return decode_text(self.octets, self.charset, lambda _code, _action: None)
        return decode_raw(self.octets)


def read_parameters(raw: bytes) -> tuple[str, Mapping[str, Parameter]]:
    """The value in lower case, and the parameters by their names in lower case.

    The first of two with one name counts; one in the form of RFC 2231 counts before a plain one, which is
    there for old readers.
    """
    return (_read_known if len(raw) <= _MAX_KNOWN_OCTETS else _read)(raw)


def _read(raw: bytes) -> tuple[str, Mapping[str, Parameter]]:
    line = raw.replace(b"\r", b"").replace(b"\n", b"").strip()
    value = _VALUE.match(line)
    parameters: dict[str, Parameter] = {}
    pieces: dict[str, dict[int, tuple[bool, bytes]]] = {}
    for found in islice(_PARAMETER.finditer(line, value.end() if value else 0), MAX_PARAMETERS):
        full_name, quoted = found.groups()
        match = _NAME.fullmatch(full_name.lower())
        if match is None:
            continue
        name, number, encoded = match[1].decode("latin-1"), match[2], bool(match[3])
        if number is None and not encoded:
            parameters.setdefault(name, Parameter(_unquoted(quoted)))
        else:
            pieces.setdefault(name, {}).setdefault(int(number or 0), (encoded, _unquoted(quoted)))
    parameters.update((name, _joined(numbered)) for name, numbered in pieces.items())
    return (value[0].strip(b'"').decode("latin-1").lower() if value else ""), parameters


_read_known = lru_cache(maxsize=1024)(_read)
"""Most parts say one of a few things."""


def _unquoted(value: bytes) -> bytes:
    if len(value) > 1 and value.startswith(b'"') and value.endswith(b'"'):
        return _ESCAPED.sub(rb"\1", value[1:-1])
    return value.strip(b'" \t')


def _joined(pieces: dict[int, tuple[bool, bytes]]) -> Parameter:
    charset = b""
    ordered = [pieces[number] for number in sorted(pieces)]
    first_encoded, first = ordered[0]
    if first_encoded and first.count(b"'") >= 2:
        charset, _language, first = first.split(b"'", 2)
    ordered[0] = (first_encoded, first)
    octets = b"".join(unquote_to_bytes(piece) if encoded else piece for encoded, piece in ordered)
    return Parameter(octets, charset.decode("latin-1"))
