"""What a reader sees of a message: its text and its HTML, and the files that lie packed in the text."""

import re
from collections.abc import Callable, Iterable, Sequence
from html import escape
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

_META = re.compile(
    rb"""<meta\b[^>]{0,200}?\bcharset\s{0,9}=\s{0,9}["']?([a-z0-9_.:+-]{1,40})""", re.IGNORECASE
)
_META_OCTETS = 4 * 1024
_HTML_WORD = re.compile(r"\bhtml\b", re.IGNORECASE)
_EXCUSE_CHARACTERS, _WRAPPED_CHARACTERS = 300, 50
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
        """Read what a reader of text sees, and what one of HTML sees (RFC 8621 section 4.1.4).

        Of HTML among text the text form is read, and text among HTML becomes HTML, so that both bodies hold
        all that is seen, in order. Without any HTML there is no body of it.
        """
        decoded: dict[str, str] = {}
        room = {True: self._max_octets, False: self._max_octets}
        for leaf in [*text, *html]:
            if leaf.part.number not in decoded:
                octets = self._octets(leaf, room[_is_html(leaf)])
                room[_is_html(leaf)] -= len(octets)
                decoded[leaf.part.number] = self._decode(leaf, octets)
        self.text = _joined(
            html_to_text(decoded[leaf.part.number]) or None if _is_html(leaf) else decoded[leaf.part.number]
            for leaf in text
        )
        has_html = any(_is_html(leaf) and decoded[leaf.part.number].strip() for leaf in html)
        self.html = _joined(
            decoded[leaf.part.number] if _is_html(leaf) else _as_html(decoded[leaf.part.number])
            for leaf in html
            if has_html or _is_html(leaf)
        )

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

    def _decode(self, leaf: Leaf, octets: bytes) -> str:
        parameter = leaf.part.parameters.get("charset")
        charset = parameter.text if parameter else None
        if charset is None and _is_html(leaf) and not _is_utf8(octets):
            meta = _META.search(octets[:_META_OCTETS])
            charset = meta[1].decode("ascii") if meta else None
        report = self._report_at(leaf.part.number or "1")
        return _with_lf(decode_text(octets, charset, report), report)

    def _octets(self, leaf: Leaf, room: int) -> bytes:
        """The octets of a text that are read, without the files that are packed in it."""
        octets = head(leaf.content, room)
        is_cut = len(octets) < len(leaf.content)
        if not _is_html(leaf) and _has_packed(octets):
            if is_cut and len(leaf.content) <= MAX_OPENED_OCTETS:
                octets, is_cut = whole(leaf.content), False
            octets = self._cut_packed(octets, leaf.part.number or "1")
        if is_cut or len(octets) > room:
            octets = _to_line_end(octets[:room])
            self._report_at(leaf.part.number or "1")(
                DefectCode.BODY_CUT, f"the first {len(octets)} octets are read"
            )
        return octets

    def _cut_packed(self, octets: bytes, where: str) -> bytes:
        octets, files = cut_uuencoded(octets)
        if files:
            self.packed.append((where, files))
        return octets


def says_nothing(text: str) -> bool:
    """Whether a text is no substitute for the HTML beside it: it is blank, or excuses itself."""
    text = text.strip()
    first_line, line_end, _ = text.partition("\n")
    is_one_paragraph = not line_end or len(first_line) > _WRAPPED_CHARACTERS
    is_short = is_one_paragraph and len(text) <= _EXCUSE_CHARACTERS
    return not text or (is_short and _HTML_WORD.search(text) is not None)


def _is_html(leaf: Leaf) -> bool:
    return leaf.part.content_type == "text/html"


def _is_utf8(octets: bytes) -> bool:
    """Whatever HTML says of itself: it is often recoded on its way, and then says what it was."""
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_html(text: str) -> str | None:
    return f'<div style="white-space: pre-wrap">{escape(text, quote=False)}</div>\n' if text.strip() else None


def _joined(forms: Iterable[str | None]) -> str | None:
    """What is there of a body, in order; None where nothing is."""
    found = [form for form in forms if form is not None]
    return "\n".join([form for form in found if form.strip()] or found[:1]) if found else None


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
