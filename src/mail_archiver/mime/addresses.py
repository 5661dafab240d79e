"""Address lists (RFC 5322 section 3.4), read as forgivingly as mail programs do.

`email.utils` reads them, and where it makes nothing but sound addresses of a list, that is it. Otherwise it
would give up the whole list over one comma, take half a name for an address, or recurse on comments in
comments: then the list is taken apart here, so that what is broken costs at most the one address it is in.
The mails of `tests/corpus` that need it: malformed/addresses, malformed/addresses-without-brackets,
rfc/comments-nested, rfc/groups-comments-and-routes, rfc/local-parts-quoted, rfc/obsolete-addresses,
legacy/source-routes-and-percent.
"""

import email.utils
import re
from collections.abc import Iterator
from functools import lru_cache

from mail_archiver.domain.address import INVISIBLE, Address, Role, normalize_address
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.headers import COMMENT, ENCODED_WORD, decode_words

_LENIENT = {"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {}
"""Newer releases of the library give up earlier, unless they are told not to."""

# Where these stand, the library may read something else than a person does.
_UNSOUND_LIST = re.compile(r"[(;:\[\\]|@[^,<>@]*<|\?=[^\s<\"]|=\?[^?]*\?.\?[^?]*[,<>@\"]")
_ELEMENT = re.compile(r'(?:[^",]++|"[^"]*")++')
_SOUND = re.compile(r"[^\s\"<>,;:()\[\]@\\']+@[\w.-]+")
_TOKEN = re.compile(
    rf"""
      (?P<word>{ENCODED_WORD})
    | (?P<quoted>"[^"\\]*+(?:\\.[^"\\]*+)*+")
    | (?P<comment>{COMMENT})
    | (?P<angle><[^<>]*>)
    | (?P<literal>\[[^\[\]]*\])
    | (?P<separator>[,;])
    | (?P<group>:)
    | (?P<text>(?:[^",;:<(\[=\\]++|\\.)++|(?P<opener>[<(\[])(?P=opener)*(?=(?P=opener))|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Obsolete forms have white space around the "@" and the dots of the domain.
_ADDR_SPEC = re.compile(
    r"""
    (?<![^\s"<>,;:()])
    (
        (?:"(?:[^"\\]|\\.)*+"|[^\s"<>,;:()@]++)
        (?:\s*+\.\s*+(?:"(?:[^"\\]|\\.)*+"|[^\s"<>,;:()@.]++)){0,8}+
    )
    \s*+@\s*+
    (\[[\w.:+-]*+\]|[^\s"<>,;:()@]++(?:\s*+\.\s*+[^\s"<>,;:()@]++)*+)
    (?![^\s"<>,;:()])
    """,
    re.VERBOSE | re.DOTALL,
)
_SPACE_OUTSIDE_QUOTES = re.compile(r'("(?:[^"\\]|\\.)*+")|\s+')
_ROUTE = re.compile(r"@[^:]*:|mailto:", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_PLAIN = re.compile(
    r"(?<![^\s\"<>,;:()\[\]\\])[^\s\"<>,;:()\[\]@\\]{1,64}+@[\w-]++(?:\.[\w-]++)++(?![^\s\"<>,;:()\[\]\\])"
)
_GLUED = re.compile(
    r"(=\?[^?\s]++\?[bq]\?[^?\s]*+\?=)(?=[^\s@<>\"=]{1,64}+@)", re.IGNORECASE
)  # a word and an address
_MBOX_DATE = re.compile(
    r"\s[A-Z][a-z]{2} +[A-Z][a-z]{2} +\d{1,2} +\d\d:\d\d(?::\d\d)?(?: +[A-Z]{3,4})? +\d{4}\Z"
)

_AROUND_NAME = " \t<>\"'"
_MAX_TOKENS = 1_000
_MAX_WORDS = 10  # in a row that hold no address
_MAX_UNCLOSED = 1_000  # parentheses; each is looked at as if it began comments in comments
_MAX_SOUND = 1_000  # a longer list is read one by one, as far as the caller wants it
_MAX_KNOWN_CHARACTERS = 400

_Found = tuple[str, str, str | None]
"""A display name, an address, and it normalized; None where it is no address."""

_Token = tuple[str, str]
"""The name of a group of `_TOKEN`, and its text."""


def read_addresses(text: str, role: Role, report: Report) -> Iterator[Address | None]:
    """Every address of a field, in order; the names of groups are no addresses.

    None stands for what should be an address and holds nothing, so that the caller can tell how far it got:
    reading half a megabyte of commas takes seconds.

    Args:
        text: The value of the field, encoded words in it.
    """
    for found in _read_sound(text) or _read_any(text, report):
        yield Address(role, *found) if found else None


def _read_sound(text: str) -> list[_Found]:
    """What the library makes of a list; nothing where that cannot be relied on."""
    if text.count(",") > _MAX_SOUND or _UNSOUND_LIST.search(text):
        return []
    elements = [element for element in _ELEMENT.findall(text) if not element.isspace()]
    if max(map(len, elements), default=0) > _MAX_KNOWN_CHARACTERS:
        return []
    found = [_read_one(element) for element in elements]
    return list(filter(None, found)) if all(found) else []


@lru_cache(maxsize=4096)  # people write to the same people again and again
def _read_one(element: str) -> _Found | None:
    """The address between two commas; None where there is anything unusual about it."""
    defects: list[DefectCode] = []
    report = lambda code, _action: defects.append(code)  # noqa: E731
    found = email.utils.getaddresses([element], **_LENIENT)
    if len(found) != 1 or not _SOUND.fullmatch(found[0][1]):
        return None
    if found[0][1] not in element:  # the library closes up "ann@client.example at work"
        return None
    read = _tidy(decode_words(found[0][0], report), found[0][1])
    return read if read and read[2] and not defects else None


def _read_any(text: str, report: Report) -> Iterator[_Found | None]:
    """The addresses of a list in which something is broken, or unusual; None for an element without any."""
    if text.count("(") - text.count(")") > _MAX_UNCLOSED:
        text = text.replace("(", " ")
    for element in _elements(_GLUED.sub(r"\1 ", text)):
        for name, spec in list(_read_element(element, report)) or [("", "")]:
            yield from _tidied(decode_words(name, report), decode_words(spec, report), report)


def _tidied(name: str, address: str, report: Report) -> Iterator[_Found | None]:
    """What is there; of what is no address the addresses in it, such as before a word in the brackets."""
    found = _tidy(name, address)
    if found is None or found[2]:
        yield found
        return
    inside = dict.fromkeys(_PLAIN.findall(found[1]))
    yield from (_tidy(name, each) for each in inside)
    if not inside:
        report(DefectCode.ADDRESS_INVALID, "kept as written, never linked")
        yield found


def _elements(text: str) -> Iterator[list[_Token]]:
    """What stands between commas; words before one are a part of the name that follows ("Doe, Ann <...>")."""
    words: list[list[_Token]] = []
    for element, is_before_comma in _between_separators(text):
        if is_before_comma and len(words) < _MAX_WORDS and not _may_hold_address(element):
            words.append(element)
            continue
        if words and any(kind == "angle" and "@" in text for kind, text in element):
            for each in reversed(words):
                element[:0] = [*each, ("text", ", ")]
        else:
            yield from words
        words = []
        yield element
    yield from words


def _may_hold_address(element: list[_Token]) -> bool:
    return any("@" in text or kind == "word" for kind, text in element)


def _between_separators(text: str) -> Iterator[tuple[list[_Token], bool]]:
    """What stands between commas and semicolons, and whether it is a comma that ends it."""
    element: list[_Token] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or "text"
        if kind == "separator" or len(element) >= _MAX_TOKENS:
            if element:
                yield element, token.group() == ","
            element = []
        elif kind == "group" and not _is_mailto(element) and not _may_hold_address(element[:1]):
            element = []
        else:
            element.append((kind, token.group()))
    if element:
        yield element, False


def _is_mailto(element: list[_Token]) -> bool:
    return bool(element) and element[-1][1].strip().lower() == "mailto"


def _read_element(element: list[_Token], report: Report) -> Iterator[tuple[str, str]]:
    """The addresses in one element, each with its display name; several where a comma was forgotten."""
    angles = [n for n, (kind, text) in enumerate(element) if kind == "angle" and text.strip("<> \t")]
    angles = [n for n in angles if "@" in element[n][1]] or angles[-1:]
    if not angles:
        yield from _read_bare(element, report)
        return
    start = 0
    for n in angles:
        end = n + 1 if n != angles[-1] else len(element)
        name = _name_of(element[start:end])
        yield from ((name, spec) for spec in _in_brackets(element[n][1]))
        start = end


def _name_of(tokens: list[_Token]) -> str:
    words = "".join(_unquoted(kind, text) for kind, text in tokens if kind not in ("angle", "comment"))
    return words.strip() or _comments(tokens)


def _comments(tokens: list[_Token]) -> str:
    return " ".join(_ESCAPED.sub(r"\1", text[1:-1]) for kind, text in tokens if kind == "comment")


def _in_brackets(angle: str) -> list[str]:
    inner = _COMMENT.sub("", angle[1:-1]).strip()
    route = _ROUTE.match(inner)
    inner = inner[route.end() :].strip() if route else inner
    whole = _ADDR_SPEC.fullmatch(inner)
    if whole:
        return [_spec(whole)]
    several = [_ADDR_SPEC.fullmatch(piece.strip()) for piece in re.split("[,;]", inner) if piece.strip()]
    if len(several) > 1 and all(several):
        return [_spec(match) for match in several if match]
    return [inner]


def _read_bare(element: list[_Token], report: Report) -> Iterator[tuple[str, str]]:
    text = "".join(text for kind, text in element if kind not in ("comment", "angle"))
    text = _MBOX_DATE.sub("", text.partition("mailto:")[2] or text)
    if "=?" in text:  # the whole address may be inside an encoded word
        text = decode_words(text, report)
    alone = _ADDR_SPEC.fullmatch(text.strip())
    if alone and len(element) == 1:  # most often, and there may be thousands
        yield "", _spec(alone)
        return
    specs = list(_ADDR_SPEC.finditer(text))
    start, comments = 0, _comments(element)
    for nth, match in enumerate(specs, start=1):
        before, after = text[start : match.start()], text[match.end() :] if nth == len(specs) else ""
        yield (before + after).strip(_AROUND_NAME) or comments, _spec(match)
        start = match.end()
    if not specs and text.strip(_AROUND_NAME):
        yield comments, text.strip()


def _spec(match: re.Match[str]) -> str:
    local = _SPACE_OUTSIDE_QUOTES.sub(lambda found: found[1] or "", match[1])
    return f"{local}@{''.join(match[2].split())}"


def _tidy(name: str, address: str) -> _Found | None:
    """Both without what programs put around them, and the address normalized; None where nothing is left."""
    address = address.strip(INVISIBLE)
    if len(address) > 2 and address[0] == address[-1] == "'":
        address = address[1:-1]
    name = " ".join(name.split())
    if name.count('"') % 2:  # one that nothing closes
        name = name.strip('"')
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    name = name.strip()
    if not address:  # of brackets with nothing in them, what stands before is read
        name, address = "", name
    if not address:
        return None
    return name, address, normalize_address(address)


def _unquoted(kind: str, text: str) -> str:
    if kind == "quoted":
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text.strip("<>") if kind == "text" else text  # brackets that nothing closes, or opens
