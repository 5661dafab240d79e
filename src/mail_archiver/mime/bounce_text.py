"""Who did not get a message, by what a bounce says in words, for mail systems that do not know RFC 3464.

In any language: the paragraphs that qmail begins with an address; else an address that the text names and
that the returned message was sent to; else the only address there is.
"""

import re
from collections.abc import Container

from mail_archiver.domain.address import normalize_address
from mail_archiver.mime.kind import values
from mail_archiver.mime.structure import Part

# No header begins with anything else by the time that it comes back.
_ORIGINAL = re.compile(
    r"^[> ]{0,3}(?:return-path|received|message-id|dkim-signature|mime-version)[ \t]*+:",
    re.IGNORECASE | re.MULTILINE,
)
_ADDRESS = re.compile(
    r"(?<![\w.!#$%&'*+/=^~-])[\w.!#$%&'*+/=^~-]++@[a-z0-9-]++(?:\.[a-z0-9-]++)++", re.ASCII | re.IGNORECASE
)
# Whom a report asks to write to.
_HELP = re.compile(r"(?:abuse|help(?:desk)?|mailer-daemon|postmaster|support)@")
_RECIPIENT_FIELD = re.compile(
    r"^[> ]{0,3}(?:to|cc|bcc)[ \t]*+:([^\n]*+(?:\n[ \t]++[^\n]*+)*+)", re.IGNORECASE | re.MULTILINE
)
_OWN_FIELDS = ("from", "sender", "reply-to", "to", "cc", "delivered-to", "return-path")
_PARAGRAPH = re.compile(r"^<([^<>\s]++)>:(.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"(?:\b[45]\d\d[ -]#?|#)([45]\.\d{1,3}\.\d{1,3})(?![\d.])", re.ASCII)
_FAILURE = re.compile(
    r"\b[45]\d\d[ -][^ ]|\b[45]\.\d\.\d{1,3}\b|undeliver|(?:could|can|was) ?not (?:be )?deliver|"
    r"deliver\w{0,4} fail|fail\w{0,4} (?:to|delivery)|unknown|invalid|no such|mailbox (?:is )?full|reject|"
    r"over ?quota|error",
    re.IGNORECASE,
)
_DELAY_SUBJECT = re.compile(r"\bwarning\b|delay", re.IGNORECASE)
_DELAY = re.compile(
    r"\b(?:is|has been|was) delayed|will be retried|not yet been delivered|continue to (?:try|be made)|"
    r"only a temporary failure|no action is required|been postponed",
    re.IGNORECASE,
)


def split_original(text: str) -> tuple[str, str]:
    """What the mail system wrote, and the message that it quotes below ("" where it quotes none)."""
    found = _ORIGINAL.search(text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def status_of(text: str) -> str | None:
    """The first enhanced status code (RFC 3463) that follows a reply code, or "#" as qmail has it."""
    found = _STATUS.search(text)
    return found[1] if found else None


def action_of(subject: str, report: str) -> str:
    """What a bounce reports (RFC 3464 section 2.3.3): a failure, unless it says that it goes on trying."""
    return "delayed" if _DELAY_SUBJECT.search(subject) or _DELAY.search(report) else "failed"


def failed_recipients(
    report: str, original: str, root: Part, *, is_certain: bool
) -> list[tuple[str, str | None]]:
    """The addresses, as written, that a message did not get to, each with its status where that is told.

    Args:
        report: What the mail system wrote.
        original: The message that it returns, or its header; "" where it returns none.
        root: Of the bounce; its own sender and recipients are not who it is about.
        is_certain: Hardly anything but a bounce has such a sender or structure. Then it is enough that it
            returns a message, or speaks of a failure; else it must do both.
    """
    evidence = (bool(original), bool(_FAILURE.search(report)))
    if not (any(evidence) if is_certain else all(evidence)):
        return []
    own = _addresses("\n".join(value for name in _OWN_FIELDS for value in values(root, name)))
    named = _addresses(report, but=own)
    sent_to = _addresses("\n".join(_RECIPIENT_FIELD.findall(original)), but=own)
    confirmed = {key: address for key, address in named.items() if key in sent_to}
    paragraphs = [(found[1], status_of(found[2])) for found in _PARAGRAPH.finditer(report)]
    if any(normalize_address(address) in named for address, _ in paragraphs):
        return [(address, status) for address, status in paragraphs if normalize_address(address) in named]
    if not confirmed and is_certain:
        only = {key: address for key, address in named.items() if not _HELP.match(key)} or sent_to
        confirmed = only if len(only) == 1 else {}
    status = status_of(report) if len(confirmed) == 1 else None
    return [(address, status) for address in confirmed.values()]


def _addresses(text: str, but: Container[str] = ()) -> dict[str, str]:
    """Normalized, to as written, in order; but those that are not asked for."""
    addresses: dict[str, str] = {}
    for found in _ADDRESS.findall(text):
        address = found.strip("'.")
        normalized = normalize_address(address)
        if normalized and normalized not in but:
            addresses.setdefault(normalized, address)
    return addresses
