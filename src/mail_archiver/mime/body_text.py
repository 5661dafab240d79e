"""What a reader sees of a message: its text and its HTML, and the files that lie packed in the text."""

import re
from collections.abc import Callable, Sequence
from io import IncrementalNewlineDecoder

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.attachments import MAX_OPENED_OCTETS
from mail_archiver.mime.charsets import Report, decode_text, storable
from mail_archiver.mime.html import html_to_text
from mail_archiver.mime.leaf import Leaf
from mail_archiver.mime.packed_file import PackedFile
from mail_archiver.mime.tnef import Tnef
from mail_archiver.mime.uuencode import cut_uuencoded
from mail_archiver.octets import head, whole

_PACKED = re.compile(rb"^begin(?:-base64)?[ \t]++[0-7]", re.MULTILINE)


class BodyText:
    """The bodies of one message.

    Args:
        max_octets: Of text, and as many of HTML, that are read.

    Attributes:
        text: None where there is neither text nor HTML.
        html: None where there is none.
        packed: Files that were cut out of the text, by the part that they stood in.
    """

    def __init__(self, max_octets: int, report_at: Callable[[str], Report]) -> None:
        self.text: str | None = None
        self.html: str | None = None
        self.packed: list[tuple[str, list[PackedFile]]] = []
        self._max_octets = max_octets
        self._report_at = report_at

    def read(self, text: Sequence[Leaf], html: Sequence[Leaf]) -> None:
        """Read the parts that are the text, and those that are the HTML (RFC 8621 section 4.1.4)."""
        self.text = self._join(text)
        self.html = self._join(html)
        if self.html and not (self.text or "").strip():
            self.text = html_to_text(self.html) or self.text

    def read_packed(self, packed: Tnef, where: str) -> None:
        """Take the bodies of a winmail.dat where the message has none of its own."""
        if (self.text or "").strip() or self.html:
            return
        report = self._report_at(where)
        for body in filter(None, (packed.body_text, packed.body_html)):
            octets, charset = body
            text = _with_lf(decode_text(octets[: self._max_octets], charset, report), report)
            if body is packed.body_html:
                self.html = text
            else:
                self.text = text
        if self.html and not self.text:
            self.text = html_to_text(self.html)

    def _join(self, leaves: Sequence[Leaf]) -> str | None:
        room, texts = self._max_octets, []
        for leaf in leaves:
            report = self._report_at(leaf.part.number or "1")
            octets, is_cut = self._octets(leaf, room)
            if is_cut:
                report(DefectCode.BODY_CUT, f"the first {len(octets)} octets are read")
            room -= len(octets)
            charset = leaf.part.parameters.get("charset")
            text = decode_text(octets, charset.text if charset else None, report)
            texts.append(_with_lf(text, report))
        return "\n".join(texts) if leaves else None

    def _octets(self, leaf: Leaf, room: int) -> tuple[bytes, bool]:
        """The octets of a text, what is packed in it cut out; and whether there were more."""
        octets = head(leaf.content, room)
        is_cut = len(octets) < len(leaf.content)
        if leaf.part.content_type != "text/html" and _has_packed(octets):
            if is_cut and len(leaf.content) <= MAX_OPENED_OCTETS:
                octets, is_cut = whole(leaf.content), False
            octets = self._cut_packed(octets, leaf.part.number or "1")
        if is_cut or len(octets) > room:
            return _to_line_end(octets[:room]), True
        return octets, False

    def _cut_packed(self, octets: bytes, where: str) -> bytes:
        octets, files = cut_uuencoded(octets)
        if files:
            self.packed.append((where, files))
        return octets


def _has_packed(octets: bytes) -> bool:
    return b"begin" in octets and _PACKED.search(octets) is not None  # the word is soon found, or not


def _to_line_end(octets: bytes) -> bytes:
    """Without the line that is cut, so that no character is; of one long line, all there is."""
    end = octets.rfind(b"\n") + 1
    if octets[end : end + 1] == b"\0":  # UTF-16 or UTF-32, little-endian: that was half a line feed
        end -= 1
    return octets[:end] if end > 0 else octets


def _with_lf(text: str, report: Report) -> str:
    # Of the standard library's ways the fastest by far.
    return storable(IncrementalNewlineDecoder(None, translate=True).decode(text, final=True), report)
