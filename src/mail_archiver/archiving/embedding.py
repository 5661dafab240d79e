"""What a message shares with its attachment file: mostly all of it but a few kilobytes."""

from collections.abc import Iterator

from mail_archiver.archiving.attachment_file import AttachmentFile
from mail_archiver.base64_lines import encoded_octets, is_encoded_at
from mail_archiver.domain.embedding import Embedding, Stretch
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
        at, size = attachment.base64_at, len(attachment.content)
        if at is None or at < last or size < _WORTH_IT_OCTETS:
            continue
        width = _width(source, at, attachment.content)
        if width:
            last = at + encoded_octets(size, width)
            yield Stretch(at, offset, size, width)


def _width(source: Octets, at: int, content: Content) -> int | None:
    """Of the lines, where `encode_base64` makes them of the content; None where it does not."""
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
