"""Contacts as address books export them: vCard 2.1, 3.0 (RFC 2426) and 4.0 (RFC 6350), many cards a file.

Read here and not by a library: of the forty properties four are of use, and what a card gets wrong must not
cost the file. vobject, the one that is kept, brings pytz, six and dateutil for the other thirty-six.
"""

import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mail_archiver.archiving.importing import Line
from mail_archiver.archiving.listed_addresses import read_listed
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.mime.charsets import decode_text

_BEGIN, _END = (b"BEGIN", b"VCARD"), (b"END", b"VCARD")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_COLON = re.compile(rb'(?:"[^"]*"|[^":])*:')
_PARAMETER = re.compile(rb';((?:"[^"]*"|[^";])*)')
_ESCAPED = re.compile(r"\\(.)")
_COMPONENT = re.compile(r"((?:\\.|[^;])*)(?:;|$)")
_WANTED = {"N", "FN", "EMAIL", "ORG", "UID", "KIND"}
_NOT_A_PERSON = {"group": "a group", "org": "an organization", "location": "a place"}
_NO_PREFERENCE = 101
"""PREF is 1 for what is preferred most, to 100 (RFC 6350 section 5.3)."""


@dataclass(frozen=True, slots=True)
class _Property:
    """One line of a card.

    Attributes:
        name: In upper case, without its group.
        parameters: Their values in lower case, by their names in upper case; vCard 2.1 writes values alone.
    """

    name: str
    parameters: dict[str, list[str]]
    text: str

    @property
    def components(self) -> list[str]:
        """What stands between semicolons."""
        return [_unescape(part) for part in _COMPONENT.findall(self.text)]

    @property
    def preference(self) -> int:
        """1 for what is preferred most."""
        words = {word for values in self.parameters.values() for word in values}
        if "pref" in words:
            return 1
        numbers = [int(value) for value in self.parameters.get("PREF", []) if value.isdecimal()]
        return min(numbers, default=_NO_PREFERENCE)


def is_vcard(content: bytes) -> bool:
    """Whether a file is one, going by how it begins."""
    return content.removeprefix(b"\xef\xbb\xbf").lstrip()[:11].upper() == b"BEGIN:VCARD"


def read_vcards(content: bytes) -> Iterator[Line[ImportedContact]]:
    """Read the cards of a file.

    The UID is the `external_id`. A card without one goes by its first address: the same card is the same
    contact the next time.
    """
    for number, (first_line, properties) in enumerate(_cards(content), start=1):
        read = _read_card(properties) if properties is not None else "has no END:VCARD"
        if isinstance(read, str):
            yield Line(first_line, f"card {number}: {read}")
        else:
            yield Line(first_line, *read)


def _read_card(properties: list[_Property]) -> tuple[ImportedContact, tuple[str, ...]] | str:
    by_name: dict[str, list[_Property]] = {}
    for each in properties:
        by_name.setdefault(each.name, []).append(each)
    if any("\0" in each.text for each in properties):
        return "a NUL character"
    kind = _first(by_name, "KIND").lower()
    if kind in _NOT_A_PERSON:
        return f"{_NOT_A_PERSON[kind]}, not a person"
    emails = by_name.get("EMAIL", [])
    in_order, listed = (
        read_listed(*(_unescape(each.text) for each in properties))
        for properties in (emails, sorted(emails, key=lambda each: each.preference))
    )
    external_id = _first(by_name, "UID") or (f"mailto:{in_order.found[0][1]}" if in_order.found else "")
    if not external_id:
        return "no UID, and no address to go by"
    first_name, last_name = _names(by_name)
    contact = ImportedContact(
        external_id=external_id,
        kind="contact",
        first_name=first_name,
        last_name=last_name,
        organization=_first(by_name, "ORG") or None,
        addresses=listed.found,
    )
    return contact, listed.bad


def _names(by_name: dict[str, list[_Property]]) -> tuple[str | None, str | None]:
    """First and last name; a whole name alone is the last one, since nothing tells where to cut it."""
    components = by_name["N"][0].components if "N" in by_name else []
    last, first = (part.strip() or None for part in [*components, "", ""][:2])
    return (first, last) if first or last else (None, _first(by_name, "FN") or None)


def _first(by_name: dict[str, list[_Property]], name: str) -> str:
    """The first component of the first property of that name, or ""."""
    return by_name[name][0].components[0].strip() if name in by_name else ""


def _cards(content: bytes) -> Iterator[tuple[int, list[_Property] | None]]:
    """Each card's first line and properties; None where it does not end. Cards inside cards are left out."""
    card: list[_Property] = []
    first_line, depth = 0, 0
    for number, line in _unfolded(content.removeprefix(b"\xef\xbb\xbf")):
        head, _, value = line.partition(b":")
        mark = (head.strip().upper(), value.strip().upper())
        if mark == _BEGIN:
            if depth == 0:
                card, first_line = [], number
            depth += 1
        elif mark == _END and depth:
            depth -= 1
            if depth == 0:
                yield first_line, card
        elif depth == 1 and (read := _read_property(line)):
            card.append(read)
    if depth:
        yield first_line, None


def _unfolded(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines with those that continue them, each with its number.

    As bytes: a line may be folded inside a character (RFC 6350 section 3.2).
    """
    pieces: list[bytes] = []
    first, is_open = 0, False
    for number, line in enumerate(_LINE_END.split(content), start=1):
        if pieces and is_open:  # quoted-printable as vCard 2.1 has it: "=" at the end, and no white space
            pieces[-1] = pieces[-1][:-1]
            pieces.append(line.lstrip(b" \t"))
        elif pieces and line[:1] in (b" ", b"\t"):
            pieces.append(line[1:])
        else:
            if pieces:
                yield first, b"".join(pieces)
            pieces, first = [line], number
        is_open = line.endswith(b"=") and b"QUOTED-PRINTABLE" in pieces[0].partition(b":")[0].upper()
    yield first, b"".join(pieces)


def _read_property(line: bytes) -> _Property | None:
    """The property of a line; None where it is of no use."""
    colon = _COLON.match(line)
    if colon is None:
        return None
    head, value = line[: colon.end() - 1], line[colon.end() :]
    full_name = head.partition(b";")[0]
    name = full_name.rpartition(b".")[2].strip().decode("ascii", "replace").upper()
    if name not in _WANTED:
        return None
    parameters: dict[str, list[str]] = {}
    for found in _PARAMETER.findall(head, len(full_name)):
        key, _, given = found.decode("utf-8", "replace").rpartition("=")
        values = [each.strip(' "').lower() for each in given.split(",")]
        parameters.setdefault(key.strip().upper(), []).extend(values)
    if "quoted-printable" in [*parameters.get("ENCODING", []), *parameters.get("", [])]:
        value = quopri.decodestring(value)
    charset = parameters["CHARSET"][0] if "CHARSET" in parameters else None
    return _Property(name, parameters, decode_text(value, charset, lambda *_: None))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda escaped: "\n" if escaped[1] in "nN" else escaped[1], text)
