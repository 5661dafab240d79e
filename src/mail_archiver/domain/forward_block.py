"""The quoted header blocks of forwarded mail, as they stand in a text.

    ---------- Forwarded message ---------
    From: Ann Client <ann@client.example>
    Date: Mon, 5 Oct 2026 at 09:00
    Subject: The offer
    To: Tom <tom@example.com>

A text is looked at once, line by line, and no further than `MAX_CHARACTERS` and `MAX_LINES`.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mail_archiver.domain.address import INVISIBLE, Address, Role, normalize_address
from mail_archiver.domain.forward_words import (
    CC,
    COUNTED,
    DATE,
    ENGLISH,
    FROM,
    LANGUAGES,
    MEANINGS,
    PHRASES,
    TO,
)

RECIPIENT_RULE = "forwarded-block-recipient"
RULE = "forwarded-block"
"""Followed by the block's language (ISO 639-1) unless its words are of several: a "De:" that Gmail wrote."""

MAX_CHARACTERS = 64 * 1024
MAX_LINES = 1_000

_MAX_LINE = 1_000
_MAX_LABEL = 20
_MAX_RECIPIENTS = 100  # of one field
_MAX_CONTINUED = 10  # lines that go on with the value above; of a sender, one

_RECIPIENTS = {TO, CC}
_UNSEEN = re.compile(f"[{INVISIBLE}\xad\u061c]")
_LABELS = "|".join(re.escape(word) for word, meanings in MEANINGS.items() if FROM in meanings.values())
_SENDER = re.compile(rf"^(?:[>*_]|[^\S\n])*+(?:{_LABELS})(?:[*_]|[^\S\n])*+:", re.IGNORECASE | re.MULTILINE)
_AROUND_PHRASE = " -–—_=*:"
_AROUND_NAME = " \"'*_,;«»“”„"
_BRACKETED = re.compile(r"[<(\[]([^<>()\[\]]*+)")
_BRACKET_AT_END = re.compile(r"[<(\[] ?(?:mailto:)?\Z", re.IGNORECASE)
_BETWEEN_WORDS = re.compile(r"[\s<>()\[\],;:\"]+")
_TIME = re.compile(r"\d ?[:.h] ?\d\d|\d ?[ap]\.?m\b", re.IGNORECASE)
# What no program shows of a message that it forwards: a header that somebody copied.
_RAW_FIELD = re.compile(
    r"(?:message-id|received|return-path|delivered-to|dkim-signature|mime-version|(?:content|x)-[\w-]+) ?:",
    re.IGNORECASE,
)
_END_OF_CODE = (",", ";", "{", "\\")
_ATTRIBUTION = re.compile(
    r"\b(?:wrote|a écrit|escribió|ha scritto|escreveu|geschreven) ?:$"
    r"|\b(?:Am|Op)\b[^\n]{0,200}\b(?:schrieb|schreef)\b[^\n]{0,120}:$"
)
_ATTRIBUTION_LINES, _ATTRIBUTION_LINE = 3, 200


class Block(NamedTuple):
    """A quoted header block that can be relied on.

    Attributes:
        sender: With the rule that tells the block's language; None where it is a name without an address.
        recipients: Of To, Cc and Bcc, those that have an address.
        says_forward: The line above says that something is forwarded, and not replied to.
        lines_before: That are not empty, from the beginning of the text.
    """

    sender: Address | None
    recipients: tuple[Address, ...]
    says_forward: bool
    lines_before: int


class _Field(NamedTuple):
    meanings: dict[str, str]
    value: str

    @property
    def may_be_sender(self) -> bool:
        return FROM in self.meanings.values()

    def repeats(self, other: "_Field") -> bool:
        return self.meanings is other.meanings or (self.may_be_sender and other.may_be_sender)

    def tells(self, language: str) -> str | None:
        """What it tells in a language, or in the English that Gmail leaves; None where it tells nothing."""
        label = self.meanings.get(language) or self.meanings.get(ENGLISH)
        is_empty = (label == DATE and not _TIME.search(self.value)) or (label == TO and not self.value)
        return None if is_empty else label


def read_blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, the outermost first, up to where a reply is quoted ("On Monday, Ann wrote:").

    A block counts with a sender and two of date, recipient and subject, labelled in one language (or as Gmail
    does), or with a sender right below a line that introduces it.
    """
    lines = _lines(text[:MAX_CHARACTERS])
    above, position = "", 0
    while position < len(lines):
        line, start, position = lines[position], position, position + 1
        first = _field(line)
        if first:
            fields, position = _read_fields(lines, position, first)
            introduced = _introduces(above)
            is_raw = any(map(_RAW_FIELD.match, [above, *lines[position : position + 1]]))
            block = _judge(fields, introduced, sum(map(bool, lines[:start])))
            if block and (introduced or not is_raw):
                yield block
        elif _ends_attribution(lines, start):
            return
        above = line or above


def _lines(text: str) -> list[str]:
    """The lines as they look, without the ">" of a program that quotes all it forwards.

    None of a text in which no sender is named, as of most: to look at each line of it costs a twentieth of
    all that is done to a small message.
    """
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFC", text)).replace("’", "'").replace("：", ":")
    if not _SENDER.search(text):
        return []
    lines = (" ".join(line[:_MAX_LINE].split()) for line in text.split("\n", MAX_LINES)[:MAX_LINES])
    return [line[1:].lstrip() if line.startswith(">") else line for line in lines]


def _field(line: str) -> _Field | None:
    """A line that a label begins: with a capital, as programs write it and programming languages do not."""
    label, colon, value = line.partition(":")
    label = label.strip(" *_")
    if not colon or len(label) > _MAX_LABEL or not label[:1].isupper():
        return None
    meanings = MEANINGS.get(label.lower())
    return _Field(meanings, value.strip(" *")) if meanings else None


def _read_fields(lines: Sequence[str], start: int, first: _Field) -> tuple[list[_Field], int]:
    """The fields, the first and those from a line on, and where they end.

    One empty line may stand between two: some programs make each a paragraph. A value may go on below.
    """
    fields, is_after_empty_line, continued = [first], False, 0
    for position in range(start, len(lines)):
        line, last = lines[position], fields[-1]
        field = _field(line)
        is_full = continued == (1 if last.may_be_sender else _MAX_CONTINUED)
        is_over = is_full or (is_after_empty_line and last.value) or line.endswith(":")
        if field and not any(map(field.repeats, fields)):
            fields.append(field)
            continued = 0
        elif line and not (field or is_over or _introduces(line) or _RAW_FIELD.match(line)):
            fields[-1] = last._replace(value=f"{last.value} {line}".strip())
            continued += 1
        elif line or is_after_empty_line:
            return fields, position
        is_after_empty_line = not line
    return fields, len(lines)


def _judge(fields: Sequence[_Field], introduced: tuple[str, bool] | None, before: int) -> Block | None:
    """The block that fields make; None where it cannot be relied on."""
    value = next((field.value for field in fields if field.may_be_sender), None)
    if value is None or value.endswith(_END_OF_CODE):
        return None
    told = {language: COUNTED & {field.tells(language) for field in fields} for language in LANGUAGES}
    complete = [language for language, labels in told.items() if FROM in labels and len(labels) >= 3]
    if not complete and not introduced:
        return None
    code, says_forward = introduced or (None, False)
    language = _language(fields, complete) if complete else code
    sender = _read_sender(value, f"{RULE}-{language}" if language else RULE)
    return Block(sender, tuple(_read_recipients(fields)), says_forward, before)


def _language(fields: Sequence[_Field], candidates: Sequence[str]) -> str | None:
    """The language of most labels, those left aside that are English as well; None of equals."""
    labels = [field.meanings for field in fields if ENGLISH not in field.meanings]
    counts = [sum(language in meanings for meanings in labels) for language in candidates]
    most = max(counts)
    if not most:
        return ENGLISH
    return candidates[counts.index(most)] if counts.count(most) == 1 else None


def _read_sender(value: str, rule: str) -> Address | None:
    """The first address in brackets, else the first at all, in the forms that programs give it.

    Such as "Client, Ann <ann@client.example>", "Ann [mailto:ann@client.example]" and
    "Ann <ann@client.example<mailto:ann@client.example>>".
    """
    for inner in (*_BRACKETED.findall(value), value):
        for word in _BETWEEN_WORDS.split(inner):
            address = word.strip("'*")
            normalized = normalize_address(address) if "@" in address else None
            if normalized:
                name = _BRACKET_AT_END.sub("", value[: value.index(address)]).strip(_AROUND_NAME)
                return Address(Role.FORWARDED, "" if "@" in name else name, address, normalized, rule)
    return None


def _read_recipients(fields: Sequence[_Field]) -> Iterator[Address]:
    for field in fields:
        if not _RECIPIENTS.isdisjoint(field.meanings.values()):
            for each in re.split("[,;]", field.value)[:_MAX_RECIPIENTS]:
                address = _read_sender(each, RECIPIENT_RULE)
                if address:
                    yield address


def _introduces(line: str) -> tuple[str, bool] | None:
    """The language of a line that introduces a block, and whether it says "forwarded"; None of any other."""
    if len(line) > 2 * _MAX_LABEL + 40 or not (line.startswith(("-", "*", "_", "=")) or line.endswith(":")):
        return None
    return PHRASES.get(line.strip(_AROUND_PHRASE).lower())


def _ends_attribution(lines: Sequence[str], position: int) -> bool:
    """Whether a line ends the one above a quoted reply, which may be broken into several."""
    if not lines[position].endswith(":"):
        return False
    first = max(position - _ATTRIBUTION_LINES + 1, 0)
    text = " ".join(line[-_ATTRIBUTION_LINE:] for line in lines[first : position + 1])
    return bool(_ATTRIBUTION.search(text)) and any(character.isdecimal() for character in text)
