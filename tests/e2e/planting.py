"""Messages and secrets full of words that nobody else uses, and the search for them where none may be."""

import base64
import subprocess
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

import sqlalchemy as sa
from tests.e2e.installation import Installation, events

WORD = "quetzal"
"""Stands in everything about the messages: whatever leaks has it."""

_SECRET_SETTINGS = ("PASSWORD", "CLIENT_SECRET", "REFRESH_TOKEN", "USERNAME")


def planted_mail(number: int = 1, subject: str = f"{WORD} subject") -> bytes:
    """A message with the word in every place that a message has; its number alone tells it from others."""
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{WORD} sender <{WORD}-sender@{WORD}.example>"
    message["To"] = f'"{WORD} recipient" <{WORD}-recipient@{WORD}.example>, {WORD}-other@{WORD}.example'
    message["Cc"] = f"{WORD}-copy@{WORD}.example"
    message["Bcc"] = f"{WORD}-blind@{WORD}.example"
    message["Delivered-To"] = f"{WORD}-delivered@{WORD}.example"
    message["Subject"] = subject
    message["Date"] = "Mon, 05 Oct 2026 09:00:00 +0200"
    message["Message-ID"] = f"<{WORD}-{number}@{WORD}.example>"
    message["References"] = f"<{WORD}-before@{WORD}.example>"
    message[f"X-{WORD}"] = f"{WORD} header"
    message.set_content(f"Dear {WORD},\r\nthis is text {number}.\r\n")
    message.add_alternative(f"<p>Dear <b>{WORD}</b>,<br>this is HTML.</p>", subtype="html")
    for name in ("plan", "offer"):
        message.add_attachment(
            f"{WORD} {name}".encode(),
            maintype="application",
            subtype=f"x-{WORD}",
            filename=f"{WORD}-{name}.pdf",
        )
    return bytes(message)


def assert_tells_nothing(
    installation: Installation, *runs: subprocess.CompletedProcess[str], more: Sequence[str] = ()
) -> None:
    """Neither the logs nor the ledger's reasons have a word of a message or a secret; a line is an event.

    Args:
        more: Further secrets, which the settings do not have.
    """
    words = [WORD, "Traceback", *_secrets(installation), *more]
    told = [str(reason) for (reason,) in installation.rows("SELECT reason FROM processed_uid")]
    for run in runs:
        assert all(each["event"] for each in events(run.stderr))
        told.append(run.stderr)
    for text in told:
        for word in words:
            assert word.lower() not in text.lower()


def _secrets(installation: Installation) -> list[str]:
    """The settings' own, plainly and as SASL encodes them; a user's name is an address."""
    found = {value for name, value in installation.settings.items() if name.endswith(_SECRET_SETTINGS)}
    found |= {user.password for user in installation.users.values()}
    found |= {user.username for user in installation.users.values()}
    for user in installation.users.values():
        found.add(base64.b64encode(f"\0{user.username}\0{user.password}".encode()).decode())
    password = sa.make_url(installation.settings["DATABASE_URL"]).password
    return [*found, *([str(password)] if password else [])]
