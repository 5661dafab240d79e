"""From fetched octets to what will be written: all that can be decided without the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mail_archiver.domain.draft import Draft
    from mail_archiver.domain.limits import Limits
    from mail_archiver.domain.linking import LinkingRules
    from mail_archiver.domain.message import FetchedMessage, Message


@dataclass(frozen=True, slots=True)
class Drafter:
    """How messages are read, and what of them is recorded.

    Attributes:
        rules: Whom messages are linked to; the account's own address is ours.
        zip_inline_images: Images that the HTML shows go into the attachment file too.
    """

    rules: LinkingRules
    limits: Limits
    zip_inline_images: bool

    def draft(self, fetched: FetchedMessage) -> Draft:
        """Read a message and decide what to record of it."""
        # A poll that finds no message, as most do, need not load the parser.
        from mail_archiver.archiving.attachment_file import attachment_file
        from mail_archiver.archiving.embedding import find_embedding
        from mail_archiver.domain.draft import Blob, Draft
        from mail_archiver.domain.linking import decide_direction
        from mail_archiver.mime.parse import parse_message

        message = self._with_forwarded(parse_message(fetched.source, self.limits))
        file = attachment_file(message.attachments, with_inline=self.zip_inline_images)
        embedding = find_embedding(fetched.source, file) if file else None
        blobs = [Blob(message.source_sha256, fetched.source, is_original=True, embedding=embedding)]
        if file:
            blobs.append(Blob(file.sha256, file.content))
        return Draft(
            uid=fetched.uid,
            received_at=fetched.received_at,
            message=message,
            direction=decide_direction(message.addresses, self.rules.own),
            mentions=self.rules.mentions(message.addresses),
            attachments_name=file.name if file else None,
            attachments_sha256=file.sha256 if file else None,
            blobs=tuple(blobs),
        )

    def _with_forwarded(self, message: Message) -> Message:
        """Add who wrote what our own people forward; what others forward to us is theirs alone."""
        from mail_archiver.domain.linking import is_ours

        if not is_ours(message.addresses, self.rules.own):
            return message
        from mail_archiver.archiving.forwarded import find_forwarded

        forwarded = find_forwarded(message, self.rules.own)
        return replace(message, addresses=message.addresses + forwarded) if forwarded else message
