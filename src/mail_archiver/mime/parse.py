"""One message, from its octets to `Message`."""

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import TypeVar

from mail_archiver.domain.address import Address, Role
from mail_archiver.domain.fingerprint import fingerprint
from mail_archiver.domain.limits import Effort, Limits
from mail_archiver.domain.message import Defect, DefectCode, Message
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.attachments import Attachments
from mail_archiver.mime.bodies import Sorted, sort_parts
from mail_archiver.mime.body_text import BodyText, says_nothing
from mail_archiver.mime.charsets import Report, decode_raw, read_undeclared, unreported
from mail_archiver.mime.dates import read_date
from mail_archiver.mime.delivery_report import read_delivery_reports
from mail_archiver.mime.header_block import header_sha256
from mail_archiver.mime.headers import (
    decode_unstructured,
    header_text,
    octets_of,
    read_in_reply_to,
    read_keyword,
    read_message_id,
    read_references,
)
from mail_archiver.mime.kind import LOOKED_AT_OCTETS, kind_of
from mail_archiver.mime.leaf import Leaf, read_leaf
from mail_archiver.mime.structure import Part, scan
from mail_archiver.octets import InMemory, Octets, head, sha256_of

T = TypeVar("T")

_ROLES = {
    "from": Role.SENDER,
    "sender": Role.SENDER,
    "resent-from": Role.SENDER,
    "resent-sender": Role.SENDER,
    "reply-to": Role.REPLY_TO,
    "to": Role.TO,
    "cc": Role.CC,
    "bcc": Role.BCC,
    "resent-to": Role.RESENT,
    "resent-cc": Role.RESENT,
    "resent-bcc": Role.RESENT,
    "delivered-to": Role.DELIVERED,
    "x-original-to": Role.DELIVERED,
    "envelope-to": Role.DELIVERED,
    "x-envelope-to": Role.DELIVERED,
}
_READ = frozenset(_ROLES) | {
    *("subject", "date", "message-id", "in-reply-to", "references", "list-id", "auto-submitted"),
    *("x-original-from", "x-original-sender"),
}
_ORIGINAL_SENDER = ("x-original-from", "x-original-sender", "reply-to")
_OTHER_SENDERS = frozenset({"sender", "resent-from", "resent-sender"})


def parse_message(source: bytes | Octets, limits: Limits | None = None) -> Message:
    """Read a message. Any octets give one: what is broken, or beyond a limit, is in its `defects`.

    Args:
        source: As fetched (RFC 5322), CRLF, LF or CR line ends. The attachments' contents are read from it
            when they are asked for.
        limits: None for the defaults.
    """
    octets = InMemory(source) if isinstance(source, bytes) else source
    return _Reader(octets, limits or Limits()).read()


class _Reader:
    def __init__(self, source: Octets, limits: Limits) -> None:
        self.source = source
        self.limits = limits
        self.effort = Effort.for_message(len(source))
        self.structure = scan(source, effort=self.effort)
        self.root = self.structure.root
        self.defects: dict[Defect, None] = dict.fromkeys(self.structure.defects)
        self.fields = [(name, self.text_of(name, raw)) for name, raw in self.fields_within_limit()]
        self.first_fields = dict(reversed(self.fields))

    def read(self) -> Message:
        source_sha256 = sha256_of(self.source)
        leaves = [self.read_leaf(part) for part in self.root.leaves]
        by_number = {leaf.part.number: leaf for leaf in leaves}

        def content(part: Part) -> bytes:
            return head(by_number[part.number].content, LOOKED_AT_OCTETS)

        bodies = sort_parts(self.root, lambda part: says_nothing(decode_raw(content(part))))
        body = self.read_body(bodies, by_number)
        attachments = self.attachments(bodies, body, by_number)
        if attachments.tnef:
            body.read_packed(*attachments.tnef)
        reports = read_delivery_reports(self.root, content)
        return Message(
            message_id=self.header("message-id", read_message_id),
            in_reply_to=self.header("in-reply-to", read_in_reply_to) or (),
            references=self.header("references", read_references) or (),
            subject=self.header("subject", decode_unstructured),
            sent_at=self.header("date", read_date),
            addresses=tuple(self.addresses()),
            body_text=body.text,
            body_html=body.html,
            attachments=tuple(attachments.found),
            kind=kind_of(self.root, reports, content),
            list_id=self.header("list-id", decode_unstructured) or None,
            auto_submitted=self.header("auto-submitted", read_keyword),
            delivery_reports=reports,
            fingerprint=fingerprint(
                self.root.fields, [leaf.digest for leaf in leaves], source_sha256=source_sha256
            ),
            source_sha256=source_sha256,
            header_sha256=header_sha256(self.source, self.structure.header_end),
            size_octets=len(self.source),
            defects=tuple(self.defects),
        )

    def report_at(self, where: str) -> Report:
        def report(code: DefectCode, action: str) -> None:
            self.defects[Defect(code, where, action)] = None

        return report

    def fields_within_limit(self) -> Iterator[tuple[str, str]]:
        """The fields that are read, raw; the one that a limit cuts as far as it goes."""
        room = self.limits.header_octets
        for name, raw in self.root.raw_items():
            if len(raw) > room:
                action = f"read up to {self.limits.header_octets} octets"
                self.report_at("header")(DefectCode.HEADERS_TOO_LONG, action)
            if room <= 0:
                return
            if name in _READ:
                yield name, raw if len(raw) <= room else raw[:room]
            room -= len(name) + len(raw)

    def text_of(self, name: str, raw: str) -> str:
        """A field with undeclared 8-bit text in it read."""
        return raw if raw.isascii() else header_text(raw, self.report_at(name), self.likely_charsets())

    def likely_charsets(self) -> Iterator[str]:
        """Of undeclared 8-bit text: as the first text declares it, else what all such fields look like."""
        texts = (part for part in self.root.leaves if part.content_type.startswith("text/"))
        yield from islice(
            (part.parameters["charset"].text for part in texts if "charset" in part.parameters), 1
        )
        yield self.detected_charset

    @cached_property
    def detected_charset(self) -> str:
        """Of all undeclared fields together: a name is too short to tell by, and a look takes a while."""
        undeclared = (octets_of(raw) for _, raw in self.fields_within_limit() if not raw.isascii())
        return read_undeclared(b"\n".join(undeclared))[1]

    def header(self, name: str, read: Callable[[str, Report], T]) -> T | None:
        text = self.first_fields.get(name)
        return None if text is None else read(text, self.report_at(name))

    def addresses(self) -> list[Address]:
        """From first among the senders; an address that they have twice counts once."""
        found = list(islice(self.all_addresses(), self.limits.addresses + 1))
        if len(found) > self.limits.addresses:
            action = f"only the first {self.limits.addresses} are read"
            self.report_at("header")(DefectCode.TOO_MANY_ADDRESSES, action)
        unique: dict[object, Address] = {}
        for address in filter(None, found[: self.limits.addresses]):
            is_sender = address.role is Role.SENDER
            key = (address.normalized or address.address) if is_sender else len(unique)
            unique.setdefault(key, address)
        return list(unique.values())

    def all_addresses(self) -> Iterator[Address | None]:
        yield from self.original_sender()
        fields = [field for field in self.fields if field[0] in _ROLES]
        for name, text in sorted(fields, key=lambda field: field[0] in _OTHER_SENDERS):
            yield from read_addresses(text, _ROLES[name], self.report_at(name))

    def original_sender(self) -> Iterator[Address]:
        """Who wrote what a list sends in its own name, as "'Ann' via Sales <sales@...>" (Google, Mailman)."""
        senders = list(islice(read_addresses(self.first_fields.get("from", ""), Role.SENDER, unreported), 1))
        if senders and senders[0] and " via " in senders[0].display_name:
            for name in _ORIGINAL_SENDER:
                text = self.first_fields.get(name, "")
                for address in islice(read_addresses(text, Role.SENDER, unreported), 1):
                    if address and address.normalized not in (None, senders[0].normalized):
                        yield address
                        return

    def read_leaf(self, part: Part) -> Leaf:
        return read_leaf(self.structure.source, part, self.report_at(part.number or "1"), self.effort)

    def read_body(self, bodies: Sorted, leaves: dict[str, Leaf]) -> BodyText:
        body = BodyText(self.limits.body_octets, self.report_at)
        body.read(
            [leaves[part.number] for part in bodies.text], [leaves[part.number] for part in bodies.html]
        )
        return body

    def attachments(self, bodies: Sorted, body: BodyText, leaves: dict[str, Leaf]) -> Attachments:
        found = Attachments(self.structure.source, self.limits, self.effort, self.report_at)
        for where, files in body.packed:
            found.add_packed(files, where)
        found.add([leaves[part.number] for part in bodies.attachments], body.html or "")
        if self.structure.epilogue:
            found.add_epilogue(*self.structure.epilogue)
        return found
