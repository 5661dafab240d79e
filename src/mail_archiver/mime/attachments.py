"""Everything in a message that a person would call an attachment, also inside of what is attached."""

import hashlib
import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from mail_archiver.domain.limits import Effort, Limits
from mail_archiver.domain.message import Attachment, DefectCode
from mail_archiver.mime.bodies import content_id, name_parameter, sort_parts
from mail_archiver.mime.charsets import Report, decode_raw, storable, unreported
from mail_archiver.mime.filenames import safe_name
from mail_archiver.mime.headers import decode_unstructured, header_text, parameter_text
from mail_archiver.mime.leaf import Leaf, read_leaf
from mail_archiver.mime.packed_file import PackedFile
from mail_archiver.mime.structure import Part, Structure, scan
from mail_archiver.mime.tnef import Tnef, read_tnef
from mail_archiver.mime.transfer import IDENTITY, UUENCODE, transfer_encoding
from mail_archiver.mime.uuencode import decode_uuencoded
from mail_archiver.octets import Content, Octets, Spool, head, whole

MAX_OPENED_OCTETS = 16 * 1024 * 1024
"""A winmail.dat or uuencode beyond this size is kept and not opened: it would be whole in memory."""

EPILOGUE_NAME = "epilogue.txt"

MESSAGE_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_CONTENT_ID_URL = re.compile(r"""cid:([^\s"'<>)]+)""", re.IGNORECASE)
_SLASHES = re.compile(r"[/\\]")
_HTML_OCTETS = 1024 * 1024


class Attachments:
    """Collects the attachments of one message.

    Args:
        source: What the parts' offsets refer to.
        effort: What may still be spent on what is enclosed.
        report_at: Makes the report for a place.
    """

    def __init__(
        self, source: Octets, limits: Limits, effort: Effort, report_at: Callable[[str], Report]
    ) -> None:
        self.found: list[Attachment] = []
        self.tnef: tuple[Tnef, str] | None = None  # the first, and where it was
        self._source = source
        self._limits = limits
        self._effort = effort
        self._report_at = report_at
        self._octets_left = min(limits.decoded_octets, 4 * len(source))
        self._names: dict[str, int] = {}
        self._unpacked = Spool()  # what stands nowhere in the source: there may be much of it

    def add(self, leaves: Sequence[Leaf], body_html: str) -> None:
        """The message's own."""
        shown = _shown_in(body_html) if leaves else set()
        for leaf in leaves:
            self._add_leaf(leaf, self._source, shown, leaf.part.number or "1")

    def add_packed(
        self, files: Sequence[PackedFile], where: str, within: int | None = None, body_html: str = ""
    ) -> None:
        """Files that were found in a text, or in another file, with the HTML that may show them."""
        shown = _shown_in(body_html)
        for file in files:
            if file.broken:
                self._report_at(where)(DefectCode.CONTAINER_BROKEN, "a packed file is damaged, read as it is")
            sha256 = hashlib.sha256(file.content).hexdigest()
            inline = file.content_type.startswith("image/") and file.content_id in shown
            content = self._unpacked.keep([file.content])
            name = storable(file.name, self._report_at(where)) if file.name else None
            self._add(name, file.content_type, content, sha256, where, inline=inline, within=within)

    def add_epilogue(self, start: int, end: int) -> None:
        """What follows the last delimiter, where it is more than white space (RFC 2046 section 5.1.1)."""
        if not any(piece.strip() for piece in self._source.pieces(start, end)):
            return
        report = self._report_at("epilogue")
        leaf = read_leaf(self._source, _epilogue(start, end), report, self._effort)
        report(DefectCode.EPILOGUE_KEPT, f"kept as {EPILOGUE_NAME}")
        self._add(EPILOGUE_NAME, "text/plain", leaf.content, leaf.sha256, "epilogue")

    def _add_leaf(
        self,
        leaf: Leaf,
        source: Octets,
        shown: set[str],
        where: str,
        within: int | None = None,
        messages_around: int = 0,
    ) -> None:
        part, name = leaf.part, name_parameter(leaf.part)
        depth = messages_around + part.number.count(".") + 1
        if depth > self._limits.depth:
            self._report_at(where)(
                DefectCode.TOO_DEEP, f"below {self._limits.depth} levels, left in the message"
            )
            return
        enclosed = None
        if part.content_type in MESSAGE_TYPES:
            enclosed = self._scan_enclosed(leaf, source)
        content: Content = leaf.content
        sha256 = leaf.sha256
        encoding = transfer_encoding(part)
        if encoding in UUENCODE:
            content, sha256 = self._undo_uuencode(leaf, where)
        position = self._add(
            parameter_text(name, self._report_at(where)) if name else None,
            part.content_type,
            content,
            sha256,
            where,
            suggested=_subject_as_name(enclosed) if enclosed else None,
            inline=part.content_type.startswith("image/") and content_id(part) in shown,
            within=within,
            base64_at=part.start if source is self._source and encoding == "base64" else None,
        )
        if position is None:
            return
        if enclosed:
            self._add_enclosed(enclosed, where, position, messages_around + 1)
        elif part.content_type in _TNEF or self.found[position].safe_name.lower() == "winmail.dat":
            self._open_tnef(leaf, where, position)

    def _add(
        self,
        filename: str | None,
        content_type: str,
        content: Content,
        sha256: str,
        where: str,
        *,
        suggested: str | None = None,
        inline: bool = False,
        within: int | None = None,
        base64_at: int | None = None,
    ) -> int | None:
        """Add one; its position, or None where a limit leaves it out."""
        if len(self.found) >= self._limits.parts:
            action = f"only the first {self._limits.parts} are taken out"
            self._report_at("attachments")(DefectCode.TOO_MANY_PARTS, action)
            return None
        if len(content) > self._octets_left:
            self._too_large(where)
            return None
        self._octets_left -= len(content)
        position = len(self.found)
        name = safe_name(filename or suggested, content_type, position + 1, self._names)
        self.found.append(
            Attachment(filename, name, content_type, content, sha256, inline, within, base64_at)
        )
        return position

    def _too_large(self, where: str) -> None:
        action = "beyond what is taken out of one message, left in it"
        self._report_at(where)(DefectCode.TOO_LARGE, action)

    def _scan_enclosed(self, leaf: Leaf, source: Octets) -> Structure:
        if transfer_encoding(leaf.part) in IDENTITY:
            return scan(source, leaf.part.start, leaf.part.end, self._effort)
        # RFC 2046 section 5.2.1 forbids another encoding, and it is used all the same.
        return scan(self._unpacked.keep(leaf.content.pieces()), effort=self._effort)

    def _add_enclosed(self, enclosed: Structure, where: str, within: int, messages_around: int) -> None:
        for defect in enclosed.defects:
            self._report_at(f"{where}.{defect.where}")(defect.code, defect.action)
        bodies = sort_parts(enclosed.root)
        html = [part for part in bodies.html if part.content_type == "text/html"]
        shown: set[str] = set()
        for part in html if len(bodies.attachments) else ():
            content = read_leaf(enclosed.source, part, unreported, self._effort).content
            shown |= _shown_in(decode_raw(head(content, _HTML_OCTETS)))
        for part in bodies.attachments:
            inner = f"{where}.{part.number or '1'}"
            if (part.end - part.start) * 3 // 4 > self._octets_left:  # base64 at best; not even read
                self._too_large(inner)
                continue
            leaf = read_leaf(enclosed.source, part, self._report_at(inner), self._effort)
            self._add_leaf(leaf, enclosed.source, shown, inner, within, messages_around)

    def _open_tnef(self, leaf: Leaf, where: str, position: int) -> None:
        packed = self._whole(leaf.content, where)
        if packed is None:
            return
        tnef = read_tnef(packed, max_octets=MAX_OPENED_OCTETS)
        if tnef.broken:
            self._report_at(where)(
                DefectCode.CONTAINER_BROKEN, "winmail.dat is damaged, read as far as it goes"
            )
        self.tnef = self.tnef or (tnef, where)
        self.add_packed(tnef.files, where, position, decode_raw(tnef.body_html[0] if tnef.body_html else b""))

    def _undo_uuencode(self, leaf: Leaf, where: str) -> tuple[Content, str]:
        packed = self._whole(leaf.content, where)
        decoded = None if packed is None else decode_uuencoded(packed)
        if decoded is None:
            self._report_at(where)(DefectCode.TRANSFER_ENCODING_BROKEN, "no uuencode, taken as it is")
            return leaf.content, leaf.sha256
        return self._unpacked.keep([decoded]), hashlib.sha256(decoded).hexdigest()

    def _whole(self, content: Content, where: str) -> bytes | None:
        if len(content) > MAX_OPENED_OCTETS:
            self._report_at(where)(DefectCode.TOO_LARGE, "kept as it is, too large to be opened")
            return None
        return whole(content)


def _epilogue(start: int, end: int) -> Part:
    part = Part()
    part.start, part.end = start, end
    return part


def _shown_in(html: str) -> set[str]:
    """The Content-IDs that an HTML text refers to (RFC 2392)."""
    if "cid:" not in html.lower():  # an expression that minds no case takes ten times as long to say so
        return set()
    return {unquote(content_id) for content_id in _CONTENT_ID_URL.findall(html)}


def _subject_as_name(enclosed: Structure) -> str | None:
    subject = enclosed.root.raw("subject")
    text = decode_unstructured(header_text(subject or "", unreported), unreported)
    return f"{_SLASHES.sub('-', text)}.eml" if text else None
