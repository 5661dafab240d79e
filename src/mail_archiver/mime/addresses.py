"""Address lists (RFC 5322 section 3.4), read as forgivingly as mail programs do.

The standard library's parser recurses on comments, and gives up whole lists over one comma; here, what is
broken costs at most the one address it is in.
"""

import re
from collections.abc import Iterator

from mail_archiver.domain.address import Address, Role, normalize_address
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import Report
from mail_archiver.mime.headers import decode_words, header_text

_TOKEN = re.compile(
    r"""
      (?P<word>=\?[^?\s]+\?[bBqQ]\?[^?]*\?=)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<comment>\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*\))*\))
    | (?P<angle><[^<>]*>)
    | (?P<literal>\[[^\[\]]*\])
    | (?P<separator>[,;])
    | (?P<group>:)
    | (?P<text>[^",;:<(\[=]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ADDR_SPEC = re.compile(r'("(?:[^"\\]|\\.)*"|[^\s"<>,;:()]+)\s*@\s*(\[[^\]]*\]|[^\s"<>,;()@]+)')
_ROUTE = re.compile(r"^@[^:]*:")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE_AROUND_AT = re.compile(r"\s*@\s*")


def read_addresses(raw: bytes, role: Role, report: Report) -> Iterator[Address]:
    """Every address of a raw field value, in order; the names of groups are no addresses."""
    text = header_text(raw, report)
    element: list[tuple[str, str]] = []
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup or "text"
        if kind == "separator":
            yield from _read_element(element, role, report)
            element = []
        elif kind == "group":
            element = []
        else:
            element.append((kind, token.group()))
    yield from _read_element(element, role, report)


def _read_element(element: list[tuple[str, str]], role: Role, report: Report) -> Iterator[Address]:
    angle = next((text[1:-1] for kind, text in reversed(element) if kind == "angle"), None)
    comments = " ".join(text[1:-1] for kind, text in element if kind == "comment")
    if angle is not None and angle.strip():
        words = (
            _unquoted(kind, text) for kind, text in element if kind in ("text", "word", "quoted", "literal")
        )
        spec = _SPACE_AROUND_AT.sub("@", _ROUTE.sub("", angle.strip()).strip())
        yield _address(role, "".join(words).strip() or comments, spec, report)
        return
    text = "".join(text for kind, text in element if kind not in ("comment", "angle"))
    spec_match = _ADDR_SPEC.search(text)
    if not spec_match and "=?" in text:  # the whole address inside an encoded word
        text = decode_words(text, report)
        spec_match = _ADDR_SPEC.search(text)
    if spec_match:
        around = (text[: spec_match.start()] + text[spec_match.end() :]).strip(" \t<>\"'")
        yield _address(role, around or comments, f"{spec_match[1]}@{spec_match[2].rstrip('>')}", report)
    elif text.strip(" \t<>\"'"):
        yield _address(role, "", text.strip(), report)


def _address(role: Role, display_name: str, spec: str, report: Report) -> Address:
    if "=?" in spec:
        spec = decode_words(spec, report)
    normalized = normalize_address(spec)
    if normalized is None:
        report(DefectCode.ADDRESS_INVALID, "kept as written, never linked")
    return Address(
        role, decode_words(display_name, report).strip("\"' "), decode_words(spec, report), normalized
    )


def _unquoted(kind: str, text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1]) if kind == "quoted" else text
