"""Address lists (RFC 5322 section 3.4), read as forgivingly as mail programs do.

The standard library's parser recurses on comments, and gives up whole lists over one comma; here, what is
broken costs at most the one address it is in. No expression in here may look twice at what it failed on:
a header can be a megabyte of opening brackets.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from mail_archiver.domain.address import Address, Role, normalize_address
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.headers import COMMENT, ENCODED_WORD, decode_words, header_text

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
# What stands between two commas nearly always: "Name" <address>, Name <address>, the same with the name in
# encoded words, or the address alone.
_USUAL_ELEMENT = re.compile(
    r"""
    [ ]*+
    (?:
        (?: "([ !#-<>-\[\]-~]*+)"[ ]*+
          | ([A-Za-z0-9][A-Za-z0-9 .'&+_/-]*+)
          | ((?:=\?[A-Za-z0-9_-]++\?[bBqQ]\?[!->@-~]*+\?=[ ]*+)++)
        )?
        <([A-Za-z0-9!#$%&*+/^_`{|}~.-]++@[A-Za-z0-9.-]++)>
      | ([A-Za-z0-9!#$%&*+/^_`{|}~.-]++@[A-Za-z0-9.-]++)
    )
    [ ]*+(?:,|\Z)
    """,
    re.VERBOSE,
)
_SPACE_OUTSIDE_QUOTES = re.compile(r'("(?:[^"\\]|\\.)*+")|\s+')
_ROUTE = re.compile(r"@[^:]*:|mailto:", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Marks of direction and the like, which copying an address takes along."""

_AROUND_NAME = " \t<>\"'"

_MAX_TOKENS = 1_000
_MAX_KNOWN_CHARACTERS = 400

_Found = tuple[str, str, str | None]
"""A display name, an address, and it normalized; None where it is no address."""

Token = tuple[str, str]
"""The name of a group of `_TOKEN`, and its text."""


def read_addresses(raw: bytes, role: Role, report: Report) -> Iterator[Address]:
    """Every address of a raw field value, in order; the names of groups are no addresses."""
    text = header_text(raw, report)
    known = _read_known(text) if len(text) <= _MAX_KNOWN_CHARACTERS else None
    for name, address, normalized in _read(text, report) if known is None else known:
        yield Address(role, name, address, normalized)


@lru_cache(maxsize=2048)  # people write to the same people again and again
def _read_known(text: str) -> tuple[_Found, ...] | None:
    """As `_read`; None where there is something to report, each time anew."""
    defects: list[DefectCode] = []
    found = tuple(_read(text, lambda code, _action: defects.append(code)))
    return None if defects else found


def _read(text: str, report: Report) -> Iterator[_Found]:
    for name, address in _read_usual(text) or _read_any(text, report):
        if found := _tidy(decode_words(name, report), address, report):
            yield found


def _read_any(text: str, report: Report) -> Iterator[tuple[str, str]]:
    """Display names, encoded words in them, and addresses of any list."""
    for element in _elements(text):
        for name, spec in _read_element(element, report):
            yield name, decode_words(spec, report)


def _read_usual(text: str) -> list[tuple[str, str]] | None:
    """As `_read_any`, of a list in which nothing is unusual; None of any other."""
    found: list[tuple[str, str]] = []
    position, end = 0, len(text)
    while position < end:
        element = _USUAL_ELEMENT.match(text, position)
        if element is None:
            return None
        quoted, words, encoded, in_brackets, alone = element.groups()
        found.append((quoted or words or encoded or "", in_brackets or alone))
        position = element.end()
    return found


def _elements(text: str) -> Iterator[list[Token]]:
    """What stands between commas."""
    element: list[Token] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or "text"
        if kind == "separator" or len(element) >= _MAX_TOKENS:
            if element:
                yield element
            element = []
        elif kind == "group" and not _is_mailto(element):
            element = []
        else:
            element.append((kind, token.group()))
    if element:
        yield element


def _is_mailto(element: list[Token]) -> bool:
    return bool(element) and element[-1][1].strip().lower() == "mailto"


def _read_element(element: list[Token], report: Report) -> Iterator[tuple[str, str]]:
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


def _name_of(tokens: list[Token]) -> str:
    words = "".join(_unquoted(kind, text) for kind, text in tokens if kind not in ("angle", "comment"))
    return words.strip() or _comments(tokens)


def _comments(tokens: list[Token]) -> str:
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


def _read_bare(element: list[Token], report: Report) -> Iterator[tuple[str, str]]:
    text = "".join(text for kind, text in element if kind not in ("comment", "angle"))
    text = text.partition("mailto:")[2] or text
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


def _tidy(name: str, address: str, report: Report) -> _Found | None:
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
    normalized = normalize_address(address)
    if normalized is None:
        report(DefectCode.ADDRESS_INVALID, "kept as written, never linked")
    return name, address, normalized


def _unquoted(kind: str, text: str) -> str:
    if kind == "quoted":
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text.strip("<>") if kind == "text" else text  # brackets that nothing closes, or opens
