"""What a bounce reports (RFC 3464, RFC 6533), and what can be made of one that does not keep to it.

In this order: the fields of a message/delivery-status part; X-Failed-Recipients (Exim, Gmail); the same
fields in plain text; and at last what the text says (`bounce_text`). Abuse reports (RFC 5965) are none.
"""

import re
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from functools import cached_property
from itertools import chain, islice

from mail_archiver.domain.address import Role, normalize_address
from mail_archiver.domain.kind import DeliveryReport
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.bounce_text import action_of, failed_recipients, split_original, status_of
from mail_archiver.mime.charsets import decode_raw, decode_text, storable, unreported
from mail_archiver.mime.headers import plain_text, read_message_id
from mail_archiver.mime.kind import (
    LOOKED_AT_OCTETS,
    ORIGINAL_TYPES,
    ContentStart,
    first_value,
    has_null_sender,
    is_auto_reply,
    is_from_mail_daemon,
    parameter,
    report_type,
)
from mail_archiver.mime.structure import Part

MAX_REPORTS = 1_000

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_HEADER_OCTETS = 64 * 1024
_TEXT_OCTETS = 64 * 1024
# Of groups of fields that are parsed of one message, and what each costs besides: 0.3 s at worst.
_FIELDS_CHARACTERS, _GROUP_CHARACTERS = 512 * 1024, 200

# The recipient that the sender wrote comes first: the final one is where an alias or a forwarding led to,
# which no contact has as an address.
_RECIPIENTS = ("original-recipient", "final-recipient", "x-actual-recipient")
_FIELD = re.compile(
    rf"^(?:{'|'.join(_RECIPIENTS)}|action|status|diagnostic-code)[ \t]*+:", re.IGNORECASE | re.MULTILINE
)
# What the standard library would stop at: spaces before a colon (Mimecast), a value broken without an indent
# (MessageLabs).
_SPACED_NAME = re.compile(r"^([!-9;-~]++)[ \t]++:", re.MULTILINE)
_UNINDENTED = re.compile(r"^(?![!-9;-~]++:|[ \t])", re.MULTILINE)
_EMPTY_LINE = re.compile(r"\n[ \t]*+\n")
_MESSAGE_ID = re.compile(
    rb"^[> \t]*+message-id[ \t]*+:([^\n]*+(?:\n[ \t]++[^\n]*+)*+)", re.IGNORECASE | re.MULTILINE
)
_HEADER_END = re.compile(rb"(?<=[^\n])\n[> \t]*+\n")
# By their beginnings: comments follow; "error" is OpenSMTPD's word, "expired" SendGrid's.
# fmt: off
_ACTIONS = {
    "fail": "failed", "error": "failed", "expire": "failed", "delay": "delayed", "defer": "delayed",
    "deliver": "delivered", "relay": "relayed", "expand": "expanded",
}
# fmt: on
_ACTION_BY_CLASS = {"2": "delivered", "4": "delayed", "5": "failed"}  # RFC 3463 section 3.1
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])", re.ASCII)
_ANGLE = re.compile(r"<([^<>]*)>")
_QUOTED = re.compile(r"""(["']).*\1""")
_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_XTEXT = re.compile(r"\+(2B|3D)")  # what xtext must escape; "+" and any two digits may be a tag
_POSTMASTER = re.compile(r"post[-_]?master", re.IGNORECASE)


def read_delivery_reports(root: Part, content: ContentStart) -> tuple[DeliveryReport, ...]:
    """What became of the delivery to each recipient; empty for what is no bounce, or tells nothing.

    At most `MAX_REPORTS`. Success is reported too, so not every report is bad news.
    """
    kind = report_type(root)
    is_null, is_daemon = has_null_sender(root), is_from_mail_daemon(root)
    is_postmaster = bool(_POSTMASTER.search(first_value(root, "from")))
    is_certain = is_daemon or kind in ("delivery-status", "") or (is_postmaster and is_null)
    is_certain = is_certain or "x-failed-recipients" in root.fields
    may_be = is_certain or (kind is None and (is_postmaster or (is_null and not is_auto_reply(root))))
    if kind == "feedback-report" or not may_be:
        return ()
    bounce = _Bounce(root, content, is_certain=is_certain)
    reports = bounce.of_status_parts() or bounce.of_header() or bounce.of_text()
    return tuple(dict.fromkeys(reports))


class _Bounce:
    """What may be a bounce, and the ways to read it."""

    def __init__(self, root: Part, content: ContentStart, *, is_certain: bool) -> None:
        self.root = root
        self.content = content
        self.is_certain = is_certain
        self.parts = list(root.parts)

    def of_status_parts(self) -> list[DeliveryReport]:
        parts = (part for part in self.parts if part.content_type in _STATUS_TYPES)
        return self.of_fields(decode_raw(_with_lf(self.content(part)[:LOOKED_AT_OCTETS])) for part in parts)

    def of_header(self) -> list[DeliveryReport]:
        texts = (plain_text(raw) for raw in self.root.fields.get("x-failed-recipients", ()))
        read = (read_addresses(text[:_HEADER_OCTETS], Role.TO, unreported) for text in texts)
        found = islice(chain.from_iterable(read), MAX_REPORTS)
        addresses = [each.address for each in found if each and each.normalized]
        status = status_of(split_original(self.text)[0]) if len(addresses) == 1 else None
        return self.of_addresses([(address, status) for address in addresses])

    def of_text(self) -> list[DeliveryReport]:
        report, quoted = split_original(self.text)
        fields = self.of_fields([report])
        if fields:
            return fields
        header = self.returned_header if self.returned_header is not None else _header_of(quoted.encode())
        original = header.decode("utf-8", "replace")
        return self.of_addresses(failed_recipients(report, original, self.root, is_certain=self.is_certain))

    def of_fields(self, texts: Iterable[str]) -> list[DeliveryReport]:
        reports = (_report(group, self.message_id) for group in islice(_field_groups(texts), MAX_REPORTS))
        return list(filter(None, reports))

    def of_addresses(self, addresses: list[tuple[str, str | None]]) -> list[DeliveryReport]:
        """Reports on addresses, each with its status; whether they failed, the whole text says."""
        if not addresses:
            return []
        action = action_of(first_value(self.root, "subject"), split_original(self.text)[0])
        return [
            DeliveryReport(address, normalize_address(address), action, status, self.message_id)
            for address, status in addresses[:MAX_REPORTS]
        ]

    @cached_property
    def text(self) -> str:
        """The plain text, or what should have been a multipart, else the HTML."""
        leaves = [part for part in self.parts if not part.children]
        plain = [part for part in leaves if part.content_type.startswith(("text/plain", "multipart/"))]
        texts: list[str] = []
        left = _TEXT_OCTETS
        for part in plain or [part for part in leaves if part.content_type == "text/html"]:
            octets = _with_lf(self.content(part)[:left])
            texts.append(decode_text(octets, parameter(part, "charset"), unreported))
            left -= len(octets)
            if left <= 0:
                break
        return "\n\n".join(texts).encode("utf-8", "replace").decode()

    @cached_property
    def returned_header(self) -> bytes | None:
        """The header of the message that is enclosed; None where none is."""
        parts = (part for part in self.parts if part.content_type in ORIGINAL_TYPES)
        return next((_header_of(self.content(part)) for part in parts), None)

    @cached_property
    def message_id(self) -> str | None:
        """Of the message that is returned: in its own header, else quoted, else what this one answers."""
        returned = _MESSAGE_ID.search(self.returned_header or b"") or _MESSAGE_ID.search(self.text.encode())
        candidates = [
            decode_raw(returned[1]) if returned else None,
            *(part.raw("message-id") for part in self.parts[1:]),  # its header taken for the part's own
            self.root.raw("in-reply-to"),  # Exchange, Gmail (RFC 3834 section 3.1.5)
        ]
        read = (read_message_id(raw[:_HEADER_OCTETS], unreported) for raw in candidates if raw)
        return next(filter(None, read), None)


def _field_groups(texts: Iterable[str]) -> Iterator[dict[str, str]]:
    """The first field of each name in what stands between empty lines and names a recipient.

    A second recipient begins a group too, where the empty line is missing.
    """
    left = _FIELDS_CHARACTERS
    for paragraph in (each for text in texts for each in _EMPTY_LINE.split(text)):
        begin = _FIELD.search(paragraph)  # words may stand above
        if begin is None:
            continue
        if left <= 0:
            return
        fields = paragraph[begin.start() : begin.start() + left]
        left -= len(fields) + _GROUP_CHARACTERS
        group: dict[str, str] = {}
        fields = _UNINDENTED.sub(" ", _SPACED_NAME.sub(r"\1:", fields))
        for name, value in HeaderParser().parsestr(fields).items():
            if name.lower() in group and name.lower() in _RECIPIENTS:
                yield group
                group = {}
            group.setdefault(name.lower(), " ".join(value.split()))
        if not group.keys().isdisjoint(_RECIPIENTS):
            yield group


def _report(fields: dict[str, str], message_id: str | None) -> DeliveryReport | None:
    recipients = [_recipient(name, fields[name]) for name in _RECIPIENTS if name in fields]
    comparable = filter(normalize_address, recipients)
    recipient = next(comparable, None) or next(filter(None, recipients), None)
    if recipient is None:
        return None
    found = _STATUS.search(fields.get("status", ""))
    status = found[0] if found else status_of(fields.get("diagnostic-code", ""))
    said = fields.get("action", "").lower()
    action = next((action for prefix, action in _ACTIONS.items() if said.startswith(prefix)), None)
    if action is None and status is not None:
        action = _ACTION_BY_CLASS[status[0]]
    return DeliveryReport(recipient, normalize_address(recipient), action, status, message_id)


def _recipient(name: str, value: str) -> str:
    """The address of "type; address"; "" where it is none that mail could be sent to."""
    before, separator, after = value.partition(";")
    address_type, address = (before.strip().lower(), after) if separator else ("", value)
    angle = _ANGLE.search(address)
    address = (angle[1] if angle else address.partition("(")[0]).strip("<> \t")
    address = address[1:-1] if _QUOTED.fullmatch(address) else address
    if address_type == "utf-8":  # RFC 6533 section 3
        address = _UNICODE.sub(lambda match: _character(match[1]), address)
    elif name == "original-recipient":  # xtext (RFC 3461 section 4), which some pass on undecoded
        address = _XTEXT.sub(lambda match: _character(match[1]), address)
    is_mail = address_type in ("rfc822", "utf-8") or "@" in address
    return storable(address.strip(), unreported) if is_mail else ""


def _character(hexadecimal: str) -> str:
    number = int(hexadecimal, 16)
    is_character = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_character else "\N{REPLACEMENT CHARACTER}"


def _header_of(content: bytes) -> bytes:
    lines = _with_lf(content[:_HEADER_OCTETS])
    end = _HEADER_END.search(lines)
    return lines[: end.start()] if end else lines


def _with_lf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
