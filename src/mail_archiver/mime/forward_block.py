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
from dataclasses import dataclass
from typing import NamedTuple

from mail_archiver.domain.address import normalize_address
from mail_archiver.mime.addresses import INVISIBLE
from mail_archiver.mime.forward_words import ENGLISH, FORWARDED, LABELS, ORIGINAL, Label

MAX_CHARACTERS = 64 * 1024
MAX_LINES = 1_000

_MAX_LINE = 1_000
_MAX_LABEL = 20
_MAX_CONTINUED = 10  # lines that go on with the value above; of a sender, one

_CLEANED = str.maketrans({**dict.fromkeys(f"{INVISIBLE}\xad\u061c", None), "’": "'", "：": ":"})
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


def _meanings() -> dict[str, dict[str, Label]]:
    meanings: dict[str, dict[str, Label]] = {}
    for language, labels in LABELS.items():
        for label, words in labels.items():
            for word in words:
                meanings.setdefault(word, {})[language] = label
    return meanings


_MEANINGS = _meanings()
"""Of each word: by language, what it tells."""
_PHRASES = {phrase: (code, True) for code, phrases in FORWARDED.items() for phrase in phrases} | {
    phrase: (code, False) for code, phrases in ORIGINAL.items() for phrase in phrases
}
"""Of each phrase: its language, and whether it says that something is forwarded."""


class QuotedSender(NamedTuple):
    """Who wrote what is forwarded."""

    display_name: str
    address: str
    normalized: str


@dataclass(frozen=True, slots=True)
class Block:
    """A quoted header block that can be relied on.

    Attributes:
        sender: None where it is a name without an address.
        language: ISO 639-1; None where the words are of several (a "De:" that Gmail wrote).
        says_forward: The line above says that something is forwarded, and not replied to.
        lines_before: That are not empty, from the beginning of the text.
    """

    sender: QuotedSender | None
    language: str | None
    says_forward: bool
    lines_before: int


class _Field(NamedTuple):
    meanings: dict[str, Label]
    value: str

    @property
    def may_be_sender(self) -> bool:
        return Label.FROM in self.meanings.values()

    def repeats(self, other: "_Field") -> bool:
        return self.meanings is other.meanings or (self.may_be_sender and other.may_be_sender)


def read_blocks(text: str) -> Iterator[Block]:
    """The blocks of a text, the outermost first, up to where a reply is quoted ("On Monday, Ann wrote:").

    A block counts with a sender and two of date, recipient and subject, labelled in one language (or as Gmail
    does), or with a sender right below a line that introduces it.
    """
    text = text[:MAX_CHARACTERS]
    if not _may_name_sender(text):  # as most: no line needs a look
        return
    lines = [_clean(line) for line in text.split("\n", MAX_LINES)[:MAX_LINES]]
    introduced: tuple[str, bool] | None = None
    is_raw, before, position = False, 0, 0
    while position < len(lines):
        line, start = lines[position], position
        position += 1
        if not line:
            continue
        if _field(line):
            fields, position, runs_into_raw = _read_fields(lines, start)
            block = _judge(fields, introduced, before, is_raw=is_raw or runs_into_raw)
            if block:
                yield block
        elif _ends_attribution(lines, start):
            return
        introduced, is_raw = _introduces(line), bool(_RAW_FIELD.match(line))
        before += sum(map(bool, lines[start:position]))


def _may_name_sender(text: str) -> bool:
    """Whether the label of a sender stands before a colon somewhere."""
    labels = (before[before.rfind("\n") + 1 :] for before in text.replace("：", ":").split(":")[:-1])
    fields = (_field(_clean(f"{label}:")) for label in labels)
    return any(field is not None and field.may_be_sender for field in fields)


def _clean(line: str) -> str:
    """A line as it looks, without the ">" of the program that quotes all it forwards."""
    line = line[:_MAX_LINE]
    if not line.isascii():
        line = line.translate(_CLEANED)
    line = " ".join(line.split())  # non-breaking spaces too
    return line[1:].lstrip() if line.startswith(">") else line


def _field(line: str) -> _Field | None:
    """A line that a label begins: with a capital, as programs write it and programming languages do not."""
    label, colon, value = line[: _MAX_LINE + 1].partition(":")
    label = label.strip(" *_")
    if not colon or len(label) > _MAX_LABEL or not label[:1].isupper():
        return None
    meanings = _MEANINGS.get(unicodedata.normalize("NFC", label).lower())
    return _Field(meanings, value.strip(" *")) if meanings else None


def _read_fields(lines: Sequence[str], start: int) -> tuple[list[_Field], int, bool]:
    """The fields from a line on, where they end, and whether lines follow that no program shows.

    One empty line may stand between two: some programs make each a paragraph. A value may go on below.
    """
    fields: list[_Field] = []
    is_after_empty_line, continued, position = False, 0, start
    for position in range(start, len(lines)):
        line = lines[position]
        if not line:
            if is_after_empty_line:
                return fields, position, False
            is_after_empty_line = True
            continue
        field = _field(line)
        if field:
            if any(field.repeats(known) for known in fields):
                return fields, position, False
            fields.append(field)
            continued = 0
        elif (
            (is_after_empty_line and fields[-1].value)
            or continued == (1 if fields[-1].may_be_sender else _MAX_CONTINUED)
            or line.endswith(":")
            or _introduces(line)
            or _RAW_FIELD.match(line)
        ):
            return fields, position, bool(_RAW_FIELD.match(line))
        else:
            fields[-1] = fields[-1]._replace(value=f"{fields[-1].value} {line}".strip())
            continued += 1
        is_after_empty_line = False
    return fields, len(lines), False


def _judge(
    fields: Sequence[_Field], introduced: tuple[str, bool] | None, before: int, *, is_raw: bool
) -> Block | None:
    """The block that fields make; None where it cannot be relied on."""
    if is_raw and not introduced:
        return None
    value = next((field.value for field in fields if field.may_be_sender), None)
    if value is None or value.endswith(_END_OF_CODE):
        return None
    told = {language: _told(fields, language) for language in LABELS}
    complete = [language for language, labels in told.items() if Label.FROM in labels and len(labels) >= 3]
    if not complete and not introduced:
        return None
    code, says_forward = introduced or (None, False)
    return Block(_read_sender(value), _language(fields, complete) if complete else code, says_forward, before)


def _told(fields: Sequence[_Field], language: str) -> set[Label]:
    """What the fields tell in a language, or in the English that Gmail leaves."""
    told: set[Label] = set()
    for field in fields:
        label = field.meanings.get(language) or field.meanings.get(ENGLISH)
        if (
            (label is Label.DATE and _TIME.search(field.value))
            or (label is Label.TO and field.value)
            or label in (Label.FROM, Label.SUBJECT)
        ):
            told.add(label)
    return told


def _language(fields: Sequence[_Field], candidates: Sequence[str]) -> str | None:
    """The language of most labels, those left aside that are English as well; None of equals."""
    counts = {
        language: sum(language in field.meanings and ENGLISH not in field.meanings for field in fields)
        for language in candidates
    }
    most = max(counts.values())
    if not most:
        return ENGLISH
    best = [language for language, count in counts.items() if count == most]
    return best[0] if len(best) == 1 else None


def _read_sender(value: str) -> QuotedSender | None:
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
                return QuotedSender("" if "@" in name else name, address, normalized)
    return None


def _introduces(line: str) -> tuple[str, bool] | None:
    """The language of a line that introduces a block, and whether it says "forwarded"; None of any other."""
    if len(line) > 2 * _MAX_LABEL + 40 or not (line.startswith(("-", "*", "_", "=")) or line.endswith(":")):
        return None
    return _PHRASES.get(unicodedata.normalize("NFC", line.strip(_AROUND_PHRASE)).lower())


def _ends_attribution(lines: Sequence[str], position: int) -> bool:
    """Whether a line ends the one above a quoted reply, which may be broken into several."""
    if not lines[position].endswith(":"):
        return False
    first = max(position - _ATTRIBUTION_LINES + 1, 0)
    text = " ".join(line[-_ATTRIBUTION_LINE:] for line in lines[first : position + 1])
    return bool(_ATTRIBUTION.search(text)) and any(character.isdecimal() for character in text)
