"""What is stored of an original gives it back to the octet, with its attachment file."""

import hashlib
import json
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.archiving.drafting import Drafter
from mail_archiver.blobs.original import pack, stored_with, unpack
from mail_archiver.compression import BrokenFrameError, Compressor
from mail_archiver.domain.draft import Blob
from mail_archiver.domain.limits import Limits
from mail_archiver.domain.linking import LinkingRules
from mail_archiver.domain.message import FetchedMessage
from mail_archiver.octets import PIECE_OCTETS, InMemory, whole

LARGE = os.urandom(2 * PIECE_OCTETS)


def mail(*contents: bytes) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = "<1@example.com>"
    message.set_content("As agreed.\r\n")
    for content in contents:
        message.add_attachment(content, maintype="image", subtype="png", filename="a.png")
    return bytes(message)


def blobs(source: bytes) -> list[Blob]:
    """The original and its attachment file."""
    drafter = Drafter(LinkingRules(), Limits(), zip_inline_images=False)
    return list(drafter.draft(FetchedMessage(1, InMemory(source), None)).blobs)


def stored(source: bytes) -> tuple[bytes, dict[str, bytes]]:
    original, *files = blobs(source)
    pieces = list(pack(original, Compressor()))
    assert all(pieces)
    return b"".join(pieces), {file.sha256: whole(file.content) for file in files}


def unpacked(packed: bytes, files: dict[str, bytes], size: int = PIECE_OCTETS) -> bytes:
    def read(sha256: str) -> Iterator[bytes]:
        yield from InMemory(files[sha256]).pieces()

    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    found = list(unpack(pieces, read))
    assert all(0 < len(piece) <= PIECE_OCTETS for piece in found)
    return b"".join(found)


@pytest.mark.parametrize(
    "contents",
    [[], [b"small"], [LARGE], [LARGE[:5000], LARGE[5000:90_001]], [LARGE[:5000], b"a\r\n" * 9000, LARGE]],
)
def test_gives_back_an_original_of_which_little_is_stored(contents: list[bytes]) -> None:
    source = mail(*contents)
    packed, files = stored(source)
    assert unpacked(packed, files) == source
    assert len(packed) < 2000


@given(st.lists(st.integers(4000, 4200), max_size=4))
def test_gives_back_attachments_of_any_size(sizes: list[int]) -> None:
    source = mail(*(Random(size).randbytes(size) for size in sizes))
    assert unpacked(*stored(source)) == source


def test_other_programs_read_all_but_what_the_file_has() -> None:
    packed, files = stored(mail(LARGE))
    ((sha256, content),) = files.items()
    assert stored_with(packed) == sha256 == hashlib.sha256(LARGE).hexdigest()
    magic, size = struct.unpack_from("<II", packed)
    told = json.loads(packed[8 : 8 + size])
    assert 0x184D2A50 <= magic <= 0x184D2A5F, "RFC 8878 section 3.1.2"
    assert (told["file"], content) == (sha256, LARGE)
    ((at, offset, octets, width),) = told["stretches"]
    assert (offset, octets, width) == (0, len(LARGE), 76)
    assert mail(LARGE)[at - 4 : at] == b"\r\n\r\n"


def test_an_original_without_attachments_is_a_frame_and_nothing_else() -> None:
    packed, _ = stored(mail())
    assert stored_with(packed) is None
    assert packed.startswith(bytes.fromhex("28B52FFD"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[:9],
        lambda packed: packed[:8] + b"X" + packed[9:],
        lambda packed: packed[:4] + b"\xff" + packed[5:],
        lambda packed: packed + packed,
        lambda packed: packed.replace(b"[[", b"[[-"),
        lambda packed: packed.replace(b"[[", b"[[1"),
        lambda packed: packed.replace(b'"file"', b'"flie"'),
        lambda packed: packed.replace(b"[[", b"[").replace(b"]]", b"]"),
    ],
)
def test_what_is_damaged_is_told_or_is_not_the_same(damage: Callable[[bytes], bytes]) -> None:
    packed, files = stored(mail(LARGE))
    assert damage(packed) != packed
    with suppress(BrokenFrameError):
        assert unpacked(damage(packed), files) != mail(LARGE)


def test_a_file_that_is_shorter_is_told() -> None:
    packed, files = stored(mail(LARGE))
    with pytest.raises(BrokenFrameError):
        unpacked(packed, {sha256: content[:-1] for sha256, content in files.items()})
