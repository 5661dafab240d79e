"""The tokens of HTML, by the rules of its standard (section 13.2.5), one after the other."""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5

_MAX_ATTRIBUTES = 32
_MAX_VALUE = 4_000  # characters
_DATA_ADDRESS = re.compile(r"""["']?data:[a-zA-Z0-9+/=;:,-]*+["']?""")

_ATTRIBUTE_NAME = r"[^ \t\n\f\r/>][^ \t\n\f\r/>=]*+"
_EQUALS = r"[ \t\n\f\r]*+=[ \t\n\f\r]*+"
_VALUE = r"""(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z)|[^ \t\n\f\r>"'][^ \t\n\f\r>]*+)"""
_ATTRIBUTE = re.compile(rf"({_ATTRIBUTE_NAME})(?:{_EQUALS}({_VALUE})?+)?+")
_ATTRIBUTES = rf"(?:[ \t\n\f\r/](?:[ \t\n\f\r/]++|{_ATTRIBUTE_NAME}(?:{_EQUALS}{_VALUE}?+)?+)*+)?+"
# Groups: element for no reader, start tag, its attributes, end tag, text, leaf's end tag.
# A token ends at the end of the text at the latest, so nothing is read twice.
TOKEN = re.compile(
    rf"""
    (?:<(?:
        (?=[nistNIST])(?i:(noembed|noframes|iframe|script|style|template|title))(?=[ \t\n\f\r/>])
            {_ATTRIBUTES}(?:>|\Z)(?s:.*?)(?:</(?i:\1)(?=[ \t\n\f\r/>])[^>]*+(?:>|\Z)|\Z)  # for no reader
      | ([a-zA-Z][^ \t\n\f\r/>]*+)({_ATTRIBUTES})(?:>|\Z)
      | /([a-zA-Z][^ \t\n\f\r/>]*+){_ATTRIBUTES}(?:>|\Z)
      | !--(?:-?>|(?s:.*?)(?:--!?>|\Z))
      | [!?/][^>]*+(?:>|\Z)
    ))?+
    ([^<]*+(?:<(?![a-zA-Z/!?])[^<]*+)*+)  # the text that follows
    (</\2>)?+  # and the end of its element, when that comes next
    """,
    re.VERBOSE,
)
ANY_TAGS = re.compile(r"(?:<[a-zA-Z/!?][^<>]*+>?)++")

_REFERENCE = re.compile(r"&(?:#[0-9xX][0-9a-fA-F]{0,7};?|([a-zA-Z][a-zA-Z0-9]{1,31};?))")
_REFERENCE_ENDED = re.compile(r"&(?:#[0-9xX][0-9a-fA-F]{0,7};|([a-zA-Z][a-zA-Z0-9]{1,31};))")  # a URL has "&"


def names(text: str) -> frozenset[str]:
    """Names of elements, in a sentence."""
    return frozenset(text.split())


_BLOCKS = names(
    """address article aside caption center dd details div dl dt fieldset figcaption figure footer form header
    li main nav ol option section select summary table tbody tfoot thead tr ul"""
)
_BLOCKS_APART = names("blockquote h1 h2 h3 h4 h5 h6 hr p pre")
_IN_LINE = names("abbr b big code em font i s small span strong sub sup u")
# Line ends (1) or an empty line (2) around an element.
GAPS = dict.fromkeys(_BLOCKS, 1) | dict.fromkeys(_BLOCKS_APART, 2) | dict.fromkeys(_IN_LINE, 0)
VOID = names("area base br col embed hr img input link meta source track wbr")


def _character(reference: re.Match[str]) -> str:
    if reference[0][1] == "#":
        return unescape(reference[0])
    return html5.get(reference[1], reference[0])


def attribute(attributes: str, name: str) -> str:
    """An attribute's value, "" when there is none."""
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == name:
            return _REFERENCE_ENDED.sub(_character, (found[2] or "").strip("\"'")).strip()
    return ""


def slices(text: str, length: int) -> Iterator[str]:
    """A long text piece by piece, no character reference cut in two."""
    start = 0
    while start < len(text):
        end = start + length
        reference = text.rfind("&", end - 40, end)
        if start < reference and end < len(text):
            end = reference
        yield text[start:end]
        start = end


def decode_references(text: str) -> str:
    """Character references to characters; what is none stays as it is written."""
    return _REFERENCE.sub(_character, text)


def bounded(attributes: str) -> str:
    """The attributes of a tag, none of them too long and not too many.

    nh3 compares each with each, and takes quadratic time for a long value full of nbsp or "&": a tag with
    more than 32 loses all; those over 4,000 characters go, except for the pictures of `data:` addresses.
    """
    if len(attributes) <= 2 * _MAX_ATTRIBUTES:
        return attributes
    found = _ATTRIBUTE.findall(attributes)
    if len(found) > _MAX_ATTRIBUTES:
        return ""
    if len(attributes) <= _MAX_VALUE:
        return attributes
    kept = (
        (name, value) for name, value in found if len(value) <= _MAX_VALUE or _DATA_ADDRESS.fullmatch(value)
    )
    return "".join(f" {name}={value}" if value else f" {name}" for name, value in kept)
