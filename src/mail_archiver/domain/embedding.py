"""Attachments stand in a message and in its attachment file: what of both is the same."""

from dataclasses import dataclass

from mail_archiver.octets import Content


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a message has, in base64, what stands in its attachment file too.

    Attributes:
        at: Where it begins in the message.
        offset, size: What it holds, in the file.
        width: How many characters a line has; all lines are ended by CRLF (see `base64_lines.encode_base64`).
    """

    at: int
    offset: int
    size: int
    width: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """What an original shares with its attachment file, which is not stored twice.

    Attributes:
        file_sha256: The attachment file.
        stretches: In the order of both; they do not overlap.
        rest: The original without them.
    """

    file_sha256: str
    stretches: tuple[Stretch, ...]
    rest: Content
