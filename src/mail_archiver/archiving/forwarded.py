"""Who wrote what our own people forward to the archive."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from mail_archiver.domain.address import Address, OwnAddresses, Role
from mail_archiver.domain.forward_block import read_blocks
from mail_archiver.domain.forward_words import FORWARD_PREFIXES, REPLY_PREFIXES
from mail_archiver.domain.kind import Kind
from mail_archiver.domain.message import Attachment, Message
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.attachments import MESSAGE_TYPES
from mail_archiver.mime.charsets import unreported
from mail_archiver.mime.headers import header_text
from mail_archiver.mime.structure import scan
from mail_archiver.octets import InMemory, head

RULE = "forwarded-attachment"
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
    return tuple(_quoted_senders(message, own))


def _attached_senders(message: Message) -> Iterator[Address]:
    for attachment in message.attachments:
        # Some programs attach a message as they would any file.
        is_message = attachment.content_type in MESSAGE_TYPES or attachment.safe_name.lower().endswith(".eml")
        if is_message and attachment.within is None:
            yield from _senders_of(attachment)


def _senders_of(attachment: Attachment) -> Iterator[Address]:
    enclosed = scan(InMemory(head(attachment.content, _HEADER_OCTETS)))
    sender = header_text(enclosed.root.raw("from") or "", unreported)  # the defects are its own
    for address in filter(None, read_addresses(sender, Role.FORWARDED, unreported)):
        yield replace(address, rule=RULE)


def _quoted_senders(message: Message, own: OwnAddresses) -> Iterator[Address]:
    """The sender of the block that decides, if there is one."""
    begin = _PREFIX.match(message.subject or "")
    prefix = begin[1].lower() if begin else ""
    for text in _texts(message, is_forward=prefix in FORWARD_PREFIXES):
        for nth, block in enumerate(read_blocks(text)):
            is_doubtful = not nth and block.lines_before > MAX_LINES_BEFORE and prefix not in FORWARD_PREFIXES
            is_answered = prefix in REPLY_PREFIXES and not block.says_forward
            if is_doubtful or is_answered or block.sender is None:
                break
            if block.sender.normalized and block.sender.normalized not in own:
                yield block.sender
                return


def _texts(message: Message, *, is_forward: bool) -> Iterator[str]:
    """Where a block may stand: the text, and the HTML where the subject says that there is something."""
    yield message.body_text or ""
    if is_forward and message.body_html:
        from mail_archiver.mime.html import html_to_text

        yield html_to_text(message.body_html[:_HTML_CHARACTERS])
