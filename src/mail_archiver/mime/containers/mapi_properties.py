"""Lists of MAPI properties inside TNEF (MS-OXTNEF section 2.1.3.4)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mail_archiver.mime.containers.codepages import UTF_16, Text, decode_name, read_text

PR_BODY = 0x1000
PR_RTF_COMPRESSED = 0x1009
PR_HTML = 0x1013
PR_DISPLAY_NAME = 0x3001
PR_ATTACH_DATA = 0x3701
PR_ATTACH_FILENAME = 0x3704
PR_ATTACH_LONG_FILENAME = 0x3707
PR_ATTACH_MIME_TAG = 0x370E
PR_ATTACH_CONTENT_ID = 0x3712
PR_INTERNET_CODEPAGE = 0x3FDE

OBJECT, STRING8, UNICODE, BINARY = 0x000D, 0x001E, 0x001F, 0x0102
_MULTI_VALUED = 0x1000
_NAMED = 0x8000
_FIXED = {  # octets of a value, padded to four (MS-OXCDATA section 2.11.1)
    **dict.fromkeys((0x0000, 0x0001), 0),  # unspecified, null
    **dict.fromkeys((0x0002, 0x0003, 0x0004, 0x000A, 0x000B), 4),  # integers, float, error, boolean
    **dict.fromkeys((0x0005, 0x0006, 0x0007, 0x0014, 0x0040), 8),  # double, currency, times, integer
    0x0048: 16,  # GUID
}
_VARIABLE = frozenset({OBJECT, STRING8, UNICODE, BINARY})

_UINT32 = struct.Struct("<I")
_TAG = struct.Struct("<HH")  # type, id
_NAME = struct.Struct("<16xII")  # name space; kind, and a number or the length of a string


class PropertiesBrokenError(Exception):
    """The list is damaged here; what came before is what could be read."""


class Property(NamedTuple):
    """One value. Of several, each is a property of its own.

    Attributes:
        type: Without the flag for several values.
        value: Not padded, little-endian, a string with the NUL at its end; with less than its length says
            if it is the last before the damage.
    """

    id: int
    type: int
    value: memoryview

    def name(self, codepage: str | None) -> str:
        """As a short string.

        Args:
            codepage: Of strings that are not in Unicode.
        """
        return decode_name(self.value, UTF_16 if self.type == UNICODE else codepage)

    def text(self, codepage: str | None) -> Text:
        """As a long text; an empty one if it is none."""
        if self.type not in (STRING8, UNICODE, BINARY):
            return Text(b"", None)
        return read_text(self.value, UTF_16 if self.type == UNICODE else codepage)


def read_properties(encoded: memoryview) -> Iterator[Property]:
    """Every property, named ones (they have no fixed id) left out as such: their values come with id 0.

    There may be four thousand million values of no size: the caller must stop counting somewhere.

    Raises:
        PropertiesBrokenError: After the last one that could be read.
    """
    try:
        (count,) = _UINT32.unpack_from(encoded)
        position = _UINT32.size
        for _ in range(count):
            kind, number = _TAG.unpack_from(encoded, position)
            position += _TAG.size
            if number >= _NAMED:
                number, position = 0, _after_name(encoded, position)
            values, size = 1, _FIXED.get(kind & ~_MULTI_VALUED)
            if size is None and kind & ~_MULTI_VALUED not in _VARIABLE:
                raise PropertiesBrokenError
            if size is None or kind & _MULTI_VALUED:
                (values,) = _UINT32.unpack_from(encoded, position)
                position += _UINT32.size
            for _ in range(values):
                octets = size
                if octets is None:
                    (octets,) = _UINT32.unpack_from(encoded, position)
                    position += _UINT32.size
                end = position + octets
                yield Property(number, kind & ~_MULTI_VALUED, encoded[position:end])
                if end > len(encoded):
                    raise PropertiesBrokenError
                position = end + -octets % 4
    except struct.error as error:
        raise PropertiesBrokenError from error


def _after_name(encoded: memoryview, position: int) -> int:
    kind, number_or_octets = _NAME.unpack_from(encoded, position)
    position += _NAME.size
    return position + number_or_octets + -number_or_octets % 4 if kind == 1 else position
