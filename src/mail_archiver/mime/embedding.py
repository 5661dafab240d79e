"""What a message shares with its attachment file: mostly all of it but a few kilobytes."""

from collections.abc import Iterator

from mail_archiver.domain.embedding import Embedding, Stretch
from mail_archiver.domain.message import Base64At
from mail_archiver.mime.attachment_file import AttachmentFile
from mail_archiver.mime.base64 import encoded_octets, is_encoded_at
from mail_archiver.octets import Content, Octets

_WORTH_IT_OCTETS = 4096
"""Less than that saves no block of a disk."""

_LONGEST_LINE = 998
"""RFC 5322 section 2.1.1; nearly all have 76 characters (RFC 2045 section 6.8), some 72 or 60."""


def find_embedding(source: Octets, file: AttachmentFile) -> Embedding | None:
    """Where a message has the attachments of its file, to the octet as `encode_base64` writes them.

    Others are left out: those in lines of several lengths, and those that are deflated in the file.
    """
    stretches = tuple(_stretches(source, file))
    if not stretches:
        return None
    return Embedding(file.sha256, stretches, _Rest(source, stretches))


def _stretches(source: Octets, file: AttachmentFile) -> Iterator[Stretch]:
    last = 0
    for attachment, offset in file.as_they_are:
        base64, size = attachment.base64, len(attachment.content)
        if base64 is None or base64.start < last or size < _WORTH_IT_OCTETS:
            continue
        at, width = base64.start, _width(source, base64, attachment.content)
        if width:
            last = at + encoded_octets(size, width)
            yield Stretch(at, offset, size, width)


def _width(source: Octets, base64: Base64At, content: Content) -> int | None:
    """Of the lines, where `encode_base64` makes them of the content; None where it does not."""
    at, width = base64
    if width and width <= _LONGEST_LINE:
        end = at + encoded_octets(len(content), width)
        return width if source.read(end - 2, end) == b"\r\n" else None
    width = source.find(b"\r\n", at, at + _LONGEST_LINE + 2) - at
    is_so = width > 0 and width % 4 == 0 and is_encoded_at(source, at, content, width)
    return width if is_so else None


class _Rest:
    """Implements `octets.Content`: a message without some of its stretches."""

    __slots__ = ("_gaps", "_source")

    def __init__(self, source: Octets, stretches: tuple[Stretch, ...]) -> None:
        ends = [0, *(each.at + encoded_octets(each.size, each.width) for each in stretches)]
        self._source = source
        self._gaps = list(zip(ends, [*(each.at for each in stretches), len(source)], strict=True))

    def __len__(self) -> int:
        return sum(end - start for start, end in self._gaps)

    def pieces(self) -> Iterator[bytes]:
        """See `octets.Content`."""
        for start, end in self._gaps:
            yield from self._source.pieces(start, end)
