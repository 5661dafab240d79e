"""Who wrote, or got, what our own people forward to the archive."""

import re
from collections.abc import Iterable, Iterator
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
RECIPIENT_RULE = "forwarded-attachment-recipient"
MAX_LINES_BEFORE = 60
"""Of our own, above the block; beyond, only the subject of a forward tells it from something quoted."""

_MAX_ENCLOSED = 100
_MAX_FIELDS = 10
_HEADER_OCTETS = 64 * 1024
_HTML_CHARACTERS = 256 * 1024
_PREFIX = re.compile(r"\s*+(?:\[[^\]]*+\]\s*+)?([^\W\d_]{1,8})(?:\[\d{1,3}\])?\s*+[:：]")


def find_forwarded(message: Message, own: OwnAddresses) -> tuple[Address, ...]:
    """The senders and recipients of what a message forwards, as `FORWARDED`, each with its rule.

    What is attached as a message counts first; only where no client wrote or got it, the text is read. There
    the outermost block decides that a client wrote or got: of what staff forward of their own sent mail, the
    recipients are the clients. What stands further in is what that person had quoted, and is looked at only
    when the outer block is of our own people alone, who hand a client's mail on to each other. A block that
    only names its sender ends the search, and so does a quoted reply.

    A reply, by its subject, forwards nothing but what a line introduces as forwarded: Outlook quotes what it
    answers with the same block. Bounces and automatic replies return mail, and do not forward it.

    Args:
        message: By our own people; the caller knows that.
        own: What is ours, and so no client.
    """
    if message.kind in (Kind.BOUNCE, Kind.AUTO_REPLY):
        return ()
    attached = (address for each in _attached(message) for address in _addresses_of(each))
    return _clients(islice(attached, _MAX_ENCLOSED), own) or _quoted(message, own)


def _clients(addresses: Iterable[Address], own: OwnAddresses) -> tuple[Address, ...]:
    """Those that are not ours, each once."""
    found: dict[str, Address] = {}
    for address in addresses:
        if address.normalized and address.normalized not in own:
            found.setdefault(address.normalized, address)
    return tuple(found.values())


def _attached(message: Message) -> Iterator[Attachment]:
    for attachment in message.attachments:
        # Some programs attach a message as they would any file.
        is_message = attachment.content_type in MESSAGE_TYPES or attachment.safe_name.lower().endswith(".eml")
        if is_message and attachment.within is None:
            yield attachment


def _addresses_of(attachment: Attachment) -> Iterator[Address]:
    header = scan(InMemory(head(attachment.content, _HEADER_OCTETS))).root
    for name, rule in (("from", RULE), ("to", RECIPIENT_RULE), ("cc", RECIPIENT_RULE)):
        for raw in header.fields.get(name, ())[:_MAX_FIELDS]:
            text = header_text(raw, unreported)  # the defects are its own
            for address in filter(None, read_addresses(text, Role.FORWARDED, unreported)):
                yield replace(address, rule=rule)


def _quoted(message: Message, own: OwnAddresses) -> tuple[Address, ...]:
    """The clients of the block that decides, if there is one."""
    begin = _PREFIX.match(message.subject or "")
    prefix = begin[1].lower() if begin else ""
    for text in _texts(message, is_forward=prefix in FORWARD_PREFIXES):
        for nth, block in enumerate(read_blocks(text)):
            is_doubtful = not nth and block.lines_before > MAX_LINES_BEFORE and prefix not in FORWARD_PREFIXES
            is_answered = prefix in REPLY_PREFIXES and not block.says_forward
            if is_doubtful or is_answered:
                break
            clients = _clients(filter(None, (block.sender, *block.recipients)), own)
            if clients:
                return clients
            if block.sender is None:
                break
    return ()


def _texts(message: Message, *, is_forward: bool) -> Iterator[str]:
    """Where a block may stand: the text, and the HTML where the subject says that there is something."""
    yield message.body_text or ""
    if is_forward and message.body_html:
        from mail_archiver.mime.html import html_to_text

        yield html_to_text(message.body_html[:_HTML_CHARACTERS])
