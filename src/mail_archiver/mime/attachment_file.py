"""The one file that the attachments of a message become."""

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from mail_archiver.domain.message import Attachment

ZIP_NAME = "attachments.zip"


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """What is stored for the attachments of one message."""

    name: str
    content: bytes
    sha256: str


def attachment_file(attachments: Sequence[Attachment]) -> AttachmentFile | None:
    """None for no attachment, the file itself for one, a zip for several; inline ones do not count.

    The same attachments give the same bytes: members stand in the order of the message and carry no time.
    """
    files = [attachment for attachment in attachments if not attachment.inline]
    if not files:
        return None
    if len(files) == 1:
        return AttachmentFile(files[0].safe_name, files[0].content, files[0].sha256)
    content = _zip(files)
    return AttachmentFile(ZIP_NAME, content, hashlib.sha256(content).hexdigest())


def _zip(files: Sequence[Attachment]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            member = zipfile.ZipInfo(file.safe_name, date_time=(1980, 1, 1, 0, 0, 0))  # the format's zero
            member.compress_type = zipfile.ZIP_DEFLATED
            member.create_system = 3  # Unix, wherever this runs
            member.external_attr = 0o600 << 16
            archive.writestr(member, file.content)
    return buffer.getvalue()
