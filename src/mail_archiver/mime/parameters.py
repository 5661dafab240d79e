"""Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1, RFC 2231).

The standard library reads them. What it is given is *repaired*, each for the mail of `tests/corpus` that
needs it:

- a semicolon is put where one is missing (malformed/content-type-without-semicolon);
- a quotation mark that nothing closes goes: it would hide a boundary
  (malformed/boundary-in-a-broken-quotation);
- numbered pieces go where the whole stands beside them: it raises (`test_parameters`; no mail of the corpus);
- of more than `MAX_OCTETS`, or `MAX_PARAMETERS`, the first are read: it takes quadratic time on semicolons in
  quotation marks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.policy import Compat32
from functools import lru_cache

from mail_archiver.mime.charsets import decode_raw, decode_text, unreported

MAX_OCTETS = 8 * 1024
"""A name of 300 Chinese characters has 3 KiB."""

MAX_PARAMETERS = 200
"""The library takes 17 ms for 8 KiB of semicolons, and there may be hundreds of such parts."""

_QUOTED_OR_GAP = re.compile(r'("(?:[^"\\]|\\.)*"?)|(?<=[^;\s])\s+(?=[^\s=;"]+\s*=)', re.DOTALL)
_NUMBERED = re.compile(r";\s*[^\s=;*]+\*\d+\*?\s*(?==)")  # the name; what is left of it has none


class _Raw(Compat32):
    """Fields as they were sent: the library's own policy makes U+FFFD of what is beyond ASCII."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """The name in lower case, and the value of a field that is on one line."""
        name, _, value = sourcelines[0].partition(":")
        return name.lower(), value.strip()

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002
        """The value as it was stored."""
        return value


RAW = _Raw()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        octets: The value without quotation marks and percent signs, its pieces joined; encoded words are
            still encoded.
        charset: As RFC 2231 declares it, else "".
    """

    octets: bytes
    charset: str = ""

    @property
    def text(self) -> str:
        """The value as text; encoded words (RFC 2047) are left to the caller."""
        if self.charset:
            return decode_text(self.octets, self.charset, unreported)
        return decode_raw(self.octets)


def read_parameters(value: str) -> tuple[str, Mapping[str, Parameter]]:
    """What comes before the first semicolon, in lower case, and the parameters by their names in lower case.

    The first of two with one name counts; one in the form of RFC 2231 counts before a plain one, which is
    there for old readers.

    Args:
        value: Unfolded, octets beyond ASCII as surrogates.
    """
    return _read(";".join(value[:MAX_OCTETS].split(";", MAX_PARAMETERS)[:MAX_PARAMETERS]))


@lru_cache(maxsize=512)  # most parts say one of a few things
def _read(line: str) -> tuple[str, Mapping[str, Parameter]]:
    if (line.count('"') - line.count('\\"')) % 2:
        line = "".join(line.rsplit('"', 1))
    (first, _), *pairs = _split(_QUOTED_OR_GAP.sub(lambda found: found[1] or "; ", line))
    plain: dict[str, Parameter] = {}
    extended: dict[str, Parameter] = {}
    for name, text in pairs:
        if isinstance(text, tuple):
            charset, _language, octets = text
            extended.setdefault(name.lower(), Parameter(_octets(octets), charset or ""))
        elif name:
            plain.setdefault(name.lower(), Parameter(_octets(text)))
    return first.partition(" ")[0].strip('"').lower(), plain | extended


def _split(line: str) -> list[tuple[str, str | tuple[str | None, str | None, str]]]:
    header = Message(RAW)
    header.set_raw("content-type", line)
    try:
        return [*header.get_params([])]
    except (TypeError, ValueError):
        header.replace_header("content-type", _NUMBERED.sub(";", line))
        return [*header.get_params([])]


def _octets(text: str) -> bytes:
    """What the library took for Latin-1, or kept as surrogates."""
    return text.encode("latin-1", "surrogateescape")
