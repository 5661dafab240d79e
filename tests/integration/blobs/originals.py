"""Messages as storages are given them."""

import os
from email.message import EmailMessage
from email.policy import SMTP

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.octets import InMemory, whole


def mail_and_file() -> tuple[Blob, Blob]:
    """The original of a message, which has its attachment file within."""
    picture = os.urandom(50_000)
    message = EmailMessage(policy=SMTP)
    message.add_attachment(picture, maintype="image", subtype="png", filename="a.png")
    drafter = Drafter(LinkingRules(), Limits(), zip_inline_images=False)
    each, file = drafter.draft(FetchedMessage(1, InMemory(bytes(message)), None)).blobs
    assert each.embedding
    assert whole(file.content) == picture
    return each, file
