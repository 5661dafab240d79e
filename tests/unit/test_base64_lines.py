"""Base64 as programs write it, and whether it stands somewhere to the octet."""

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.base64_lines import encode_base64, encoded_octets, is_encoded_at
from mail_archiver.octets import InMemory

LINE_OCTETS = 57  # in 76 characters
CONTENTS = st.binary(max_size=4 * LINE_OCTETS)
WIDTHS = st.integers(1, 249).map(lambda quarter: 4 * quarter)
LARGE = os.urandom(3_000_000)


def encoded(content: bytes, width: int = 76) -> bytes:
    """As the standard library writes it, in lines."""
    text = base64.b64encode(content)
    return b"".join(text[start : start + width] + b"\r\n" for start in range(0, len(text), width))


@given(CONTENTS, st.integers(1, 100), WIDTHS)
def test_writes_lines_of_one_length_whatever_the_pieces(content: bytes, size: int, width: int) -> None:
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    assert b"".join(encode_base64(pieces, width)) == encoded(content, width)
    assert encoded_octets(len(content), width) == len(encoded(content, width))
    assert is_encoded_at(InMemory(encoded(content, width)), 0, InMemory(content), width)


def test_writes_what_is_large_in_pieces() -> None:
    found = list(encode_base64(InMemory(LARGE).pieces(), 76))
    assert b"".join(found) == encoded(LARGE)
    assert len(found) > 3


@pytest.mark.parametrize("content", [b"x", b"x" * LINE_OCTETS, b"x" * (LINE_OCTETS + 1), LARGE])
def test_knows_it_where_it_stands(content: bytes) -> None:
    source = InMemory(b"header\r\n\r\n" + encoded(content) + b"--boundary")
    assert is_encoded_at(source, 10, InMemory(content), 76)
    assert not is_encoded_at(source, 9, InMemory(content), 76)


@given(CONTENTS.filter(bool), st.data())
def test_one_octet_that_differs_is_seen(content: bytes, data: st.DataObject) -> None:
    text = encoded(content)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda octet: octet != text[at]))
    assert is_encoded_at(InMemory(text), 0, InMemory(content), 76)
    assert not is_encoded_at(InMemory(text[:at] + bytes([other]) + text[at + 1 :]), 0, InMemory(content), 76)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.replace(b"\r\n", b"\n"),
        lambda text: text.replace(b"\r\n", b""),
        lambda text: text[:70] + b"\r\n" + text[70:76] + text[78:],
        lambda text: text[:-2],
        lambda text: b"\r\n" + text,
        lambda text: text.replace(b"=", b""),
    ],
    ids=["LF", "one line", "uneven", "cut", "blank line", "no padding"],
)
def test_what_is_written_otherwise_is_not_taken_for_it(write: object) -> None:
    content = b"x" * (3 * LINE_OCTETS + 1)
    assert callable(write)
    assert not is_encoded_at(InMemory(write(encoded(content))), 0, InMemory(content), 76)
