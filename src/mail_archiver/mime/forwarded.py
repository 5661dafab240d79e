"""Who wrote what our own people forward to the archive."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from mail_archiver.domain.address import Address, OwnAddresses, Role
from mail_archiver.domain.kind import Kind
from mail_archiver.domain.message import Attachment, DefectCode, Message
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.attachments import MESSAGE_TYPES
from mail_archiver.mime.forward_block import read_blocks
from mail_archiver.mime.forward_words import FORWARD_PREFIXES, REPLY_PREFIXES
from mail_archiver.mime.structure import scan
from mail_archiver.octets import InMemory, head

RULE_ATTACHMENT = "forwarded-attachment"
RULE_BLOCK = "forwarded-block"
"""Followed by the block's language where its words tell it: "forwarded-block-fr"."""

MAX_LINES_BEFORE = 60
"""Of our own, above the block; beyond, only the subject of a forward tells it from something quoted."""

_MAX_ENCLOSED = 100
_HEADER_OCTETS = 64 * 1024
_HTML_CHARACTERS = 256 * 1024
_PREFIX = re.compile(r"\s*+(?:\[[^\]]*+\]\s*+)?([^\W\d_]{1,8})(?:\[\d{1,3}\])?\s*+[:：]")


def find_forwarded(message: Message, own: OwnAddresses) -> tuple[Address, ...]:
    """The senders of what a message forwards, in the role `FORWARDED`, each with the rule that found it.

    What is attached as a message counts first; only where no client wrote it, the text is read. There the
    outermost block decides: it is of who wrote to us. What stands further in is what that person had quoted,
    and is looked at only when the outer block is of our own people, who hand a client's mail on to each
    other. A block with a name and no address ends the search, and so does a quoted reply.

    A reply, by its subject, forwards nothing but what a line introduces as forwarded: Outlook quotes what it
    answers with the same block. Bounces and automatic replies return mail, and do not forward it.

    Args:
        message: By our own people; the caller knows that.
        own: What is ours, and so no client.
    """
    if message.kind in (Kind.BOUNCE, Kind.AUTO_REPLY):
        return ()
    found: dict[str, Address] = {}
    for address in islice(_attached_senders(message), _MAX_ENCLOSED):
        if address.normalized and address.normalized not in own:
            found.setdefault(address.normalized, address)
    if found:
        return tuple(found.values())
    quoted = _quoted_sender(message, own)
    return (quoted,) if quoted else ()


def _attached_senders(message: Message) -> Iterator[Address]:
    for attachment in message.attachments:
        if attachment.within is None and _is_message(attachment):
            yield from _senders_of(attachment)


def _is_message(attachment: Attachment) -> bool:
    """Whether it is a message; some programs attach one as they would any file."""
    return attachment.content_type in MESSAGE_TYPES or attachment.safe_name.lower().endswith(".eml")


def _senders_of(attachment: Attachment) -> Iterator[Address]:
    enclosed = scan(InMemory(head(attachment.content, _HEADER_OCTETS)))
    raw = enclosed.root.value(b"from")
    if raw is not None:
        for address in read_addresses(raw, Role.FORWARDED, _unreported):
            yield replace(address, rule=RULE_ATTACHMENT)


def _quoted_sender(message: Message, own: OwnAddresses) -> Address | None:
    begin = _PREFIX.match(message.subject or "")
    prefix = begin[1].lower() if begin else ""
    for text in _texts(message, is_forward=prefix in FORWARD_PREFIXES):
        for nth, block in enumerate(read_blocks(text)):
            is_doubtful = not nth and block.lines_before > MAX_LINES_BEFORE and prefix not in FORWARD_PREFIXES
            is_answered = prefix in REPLY_PREFIXES and not block.says_forward
            if is_doubtful or is_answered or block.sender is None:
                break
            if block.sender.normalized not in own:
                rule = f"{RULE_BLOCK}-{block.language}" if block.language else RULE_BLOCK
                return Address(Role.FORWARDED, *block.sender, rule)
    return None


def _texts(message: Message, *, is_forward: bool) -> Iterator[str]:
    """Where a block may stand: the text, and the HTML where the subject says that there is something."""
    yield message.body_text or ""
    if is_forward and message.body_html:
        from mail_archiver.mime.html import html_to_text

        yield html_to_text(message.body_html[:_HTML_CHARACTERS])


def _unreported(_code: DefectCode, _action: str) -> None:
    """The defects of an attached message are its own."""
