"""From fetched bytes to what will be written: pure, and all that can be decided without the database."""

from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.draft import Blob, Draft
from mail_archiver.domain.linking import decide_direction, linkable_addresses
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.mime.attachment_file import attachment_file
from mail_archiver.mime.parse import parse_message


def draft_message(fetched: FetchedMessage, own: OwnAddresses) -> Draft:
    """Read a message and decide what to record of it."""
    message = parse_message(fetched.source)
    file = attachment_file(message.attachments)
    blobs = [Blob(message.source_sha256, fetched.source)]
    if file:
        blobs.append(Blob(file.sha256, file.content))
    return Draft(
        uid=fetched.uid,
        received_at=fetched.received_at,
        message=message,
        direction=decide_direction(message.addresses, own),
        linkable=linkable_addresses(message.addresses, own),
        attachments_name=file.name if file else None,
        attachments_sha256=file.sha256 if file else None,
        blobs=tuple(blobs),
    )
