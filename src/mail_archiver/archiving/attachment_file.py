"""The one file that the attachments of a message become."""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from mail_archiver.compression import Compressor
from mail_archiver.domain.message import Attachment
from mail_archiver.octets import Content, Octets, Spool, sha256_of

ZIP_NAME = "attachments.zip"

_LEVEL = 1
_SAMPLE_OCTETS = 64 * 1024
_HARDLY_SMALLER = 0.95
_WORTH_IT = 0.7  # base64 comes to 0.76, at a fifth of the speed of words


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """What is stored for the attachments of one message.

    Attributes:
        as_they_are: Attachments that stand in it as they are, with the offset of each, ascending.
    """

    name: str
    content: Content
    sha256: str
    as_they_are: tuple[tuple[Attachment, int], ...]


def attachment_file(attachments: Sequence[Attachment], *, with_inline: bool = False) -> AttachmentFile | None:
    """None for no attachment, the file itself for one, a zip for several.

    The same attachments give the same bytes: members stand in the order of the message and carry no time.

    Args:
        with_inline: Images that the HTML shows count too.
    """
    files = [attachment for attachment in attachments if with_inline or not attachment.inline]
    if not files:
        return None
    if len(files) == 1:
        return AttachmentFile(files[0].safe_name, files[0].content, files[0].sha256, ((files[0], 0),))
    content, stored = _zip(files)
    return AttachmentFile(ZIP_NAME, content, sha256_of(content), stored)


def _zip(files: Sequence[Attachment]) -> tuple[Octets, tuple[tuple[Attachment, int], ...]]:
    """A zip, and the members that are not deflated, each with its offset."""
    spool, stored = Spool(), []
    with spool.writing() as file_of_zip, zipfile.ZipFile(file_of_zip, "w") as archive:
        for file in files:
            member = zipfile.ZipInfo(file.safe_name, date_time=(1980, 1, 1, 0, 0, 0))  # the format's zero
            member.compress_type = zipfile.ZIP_DEFLATED if _shrinks(file.content) else zipfile.ZIP_STORED
            member._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 public from 3.13 on
            member.create_system = 3  # Unix, wherever this runs
            member.external_attr = 0o600 << 16
            member.file_size = len(file.content)  # tells whether the fields for large files are needed
            with archive.open(member, "w") as target:
                if member.compress_type == zipfile.ZIP_STORED:
                    stored.append((file, file_of_zip.tell()))
                for piece in file.content.pieces():
                    target.write(piece)
    return spool.octets(), tuple(stored)


def _shrinks(content: Content) -> bool:
    """Whether deflating is worth its time: for what is compressed already it costs more than all the rest.

    Zstandard sees a hundred times as fast that nothing can be made smaller.
    """
    sample = next(content.pieces(), b"")[:_SAMPLE_OCTETS]
    if sum(map(len, Compressor().compress([sample]))) > _HARDLY_SMALLER * len(sample):
        return False
    return len(zlib.compress(sample, _LEVEL)) < _WORTH_IT * len(sample)
