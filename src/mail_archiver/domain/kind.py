"""What sort of mail a message is, since rules treat them differently, and what a bounce reports."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of mail a message is (`archive.kind`)."""

    MESSAGE = "message"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    LIST = "list"
    INVITATION = "invitation"


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What became of the delivery to one recipient (RFC 3464 section 2.3).

    Attributes:
        recipient: The address as the report has it, without its type ("rfc822;").
        normalized: The form that is compared; None where there is nothing to compare.
        action: "failed", "delayed", "delivered", "relayed" or "expanded"; None where the report does not say.
        status: Enhanced status code ("5.1.1", RFC 3463); None where the report does not say.
        message_id: Of the message that was to be delivered, without brackets; None where it is not told.
    """

    recipient: str
    normalized: str | None
    action: str | None
    status: str | None
    message_id: str | None
