"""What a message shares with its attachment file."""

import os
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from mail_archiver.archiving.attachment_file import AttachmentFile, attachment_file
from mail_archiver.archiving.embedding import find_embedding
from mail_archiver.base64_lines import encode_base64, encoded_octets
from mail_archiver.domain.embedding import Embedding
from mail_archiver.mime.parse import parse_message
from mail_archiver.octets import InMemory, Octets, Spool, whole

PICTURE, SCAN = os.urandom(70_000), os.urandom(9_000)
LINES = b"".join(encode_base64([PICTURE], 76))
TABLE = b"2026-10-05;17;EUR\r\n" * 1000


def mail(*contents: bytes) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = "<1@example.com>"
    message.set_content("As agreed.\r\n")
    for number, content in enumerate(contents):
        message.add_attachment(
            content, maintype="application", subtype="octet-stream", filename=f"{number}.bin"
        )
    return bytes(message)


def read(source: Octets) -> tuple[AttachmentFile, Embedding | None]:
    file = attachment_file(parse_message(source).attachments)
    assert file
    return file, find_embedding(source, file)


def shared(source: bytes) -> list[bytes]:
    """The contents that a message shares with its file; each stands where it is said to, in both."""
    file, found = read(InMemory(source))
    if found is None:
        return []
    assert found.file_sha256 == file.sha256
    contents, rest, end = [], b"", 0
    for each in found.stretches:
        contents.append(whole(file.content)[each.offset : each.offset + each.size])
        text = b"".join(encode_base64([contents[-1]], each.width))
        assert source[each.at : each.at + encoded_octets(each.size, each.width)] == text
        rest += source[end : each.at]
        end = each.at + len(text)
    assert whole(found.rest) == rest + source[end:]
    assert len(found.rest) == len(whole(found.rest))
    return contents


def test_shares_its_only_attachment() -> None:
    assert shared(mail(PICTURE)) == [PICTURE]


def test_shares_those_that_the_zip_has_as_they_are() -> None:
    assert shared(mail(PICTURE, TABLE, SCAN)) == [PICTURE, SCAN]
    assert shared(mail(TABLE)) == [TABLE], "alone it is not deflated"
    assert shared(mail(TABLE, TABLE)) == []


def test_shares_the_same_attachment_as_often_as_it_stands_there() -> None:
    assert shared(mail(PICTURE, PICTURE)) == [PICTURE, PICTURE]


def test_shares_nothing_small() -> None:
    assert shared(mail(b"x" * 4095)) == []
    assert shared(mail(b"x" * 4096)) == [b"x" * 4096]


def test_shares_what_an_enclosed_message_has() -> None:
    enclosed = EmailMessage(policy=SMTP)
    enclosed.set_content("See below.\r\n")
    enclosed.add_attachment(message_from_bytes(mail(PICTURE), policy=SMTP))
    assert shared(bytes(enclosed)) == [PICTURE]


def test_shares_what_is_in_a_file_of_a_large_message() -> None:
    source = mail(PICTURE, SCAN)
    _, found = read(Spool().keep([source]))
    assert found
    assert len(found.stretches) == 2
    assert len(whole(found.rest)) < 2000


@pytest.mark.parametrize("width", [60, 64, 72, 76, 996])
def test_shares_it_whatever_the_length_of_the_lines(width: int) -> None:
    assert shared(in_lines(width)) == [PICTURE]


@pytest.mark.parametrize("width", [3, 74, 1000])
def test_leaves_lines_that_no_program_writes_as_they_are(width: int) -> None:
    assert shared(in_lines(width)) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda source: source.replace(b"\r\n", b"\n"),
        lambda source: source.replace(b"\r\n\r\n" + LINES[:76], b"\r\n\r\n\r\n" + LINES[:76]),
        lambda source: source.replace(LINES[78:156], LINES[78:154] + b" \r\n"),
        lambda source: source.replace(LINES[78:156], LINES[78:100] + b"\r\n" + LINES[100:156]),
        lambda source: source.replace(LINES[-80:], LINES[-80:-2] + b"\n"),
    ],
    ids=["LF", "blank line", "space", "uneven", "LF at the end"],
)
def test_leaves_what_is_written_otherwise_as_it_is(write: Callable[[bytes], bytes]) -> None:
    source = write(mail(PICTURE))
    assert source != mail(PICTURE)
    assert shared(source) == []


def in_lines(width: int) -> bytes:
    text = LINES.replace(b"\r\n", b"")
    lines = [text[start : start + width] + b"\r\n" for start in range(0, len(text), width)]
    return mail(PICTURE).replace(LINES, b"".join(lines))
