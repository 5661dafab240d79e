"""Messages that staff might send."""

from email.message import EmailMessage
from email.policy import SMTP

from tests.servers.imap import ImapServer, ImapUser

MANY = 450
"""Messages enough for a run to be caught at work: several portions, many batches."""

OUTLASTING = 2 * MANY
"""Messages enough for a backfill to be still at work when a run that has just started asks for its turn."""


def mail(
    subject: str = "An offer",
    *,
    to: str = "client@client.example",
    cc: str | None = "crm@example.com",
    bcc: str | None = None,
    message_id: str | None = None,
    text: str = "Dear client,\r\nhere it is.\r\n",
    attachments: dict[str, bytes] | None = None,
) -> bytes:
    """A message with CRLF line ends, of one text part and any attachments."""
    message = EmailMessage(policy=SMTP)
    message["From"] = "Claire Moreau <claire@example.com>"
    message["To"] = to
    if cc:
        message["Cc"] = cc
    if bcc:
        message["Bcc"] = bcc
    message["Subject"] = subject
    message["Date"] = "Mon, 05 Oct 2026 09:00:00 +0200"
    message["Message-ID"] = f"<{message_id or subject.replace(' ', '-').lower()}@example.com>"
    message.set_content(text)
    for name, content in (attachments or {}).items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


def deliver_many(server: ImapServer, user: ImapUser, messages: int = MANY) -> None:
    """Put messages into a user's INBOX."""
    with server.connect(user) as client:
        for number in range(messages):
            client.append("INBOX", mail(f"Message {number}"))


def deliver(server: ImapServer, user: ImapUser, *subjects: str) -> None:
    """Put a message of each subject into a user's INBOX."""
    with server.connect(user) as client:
        for subject in subjects:
            client.append("INBOX", mail(subject))
