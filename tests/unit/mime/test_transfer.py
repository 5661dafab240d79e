import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.transfer import decode_base64, decode_transfer


def decode(content: bytes, encoding: str) -> tuple[bytes, list[DefectCode]]:
    codes: list[DefectCode] = []
    return decode_transfer(content, encoding, lambda code, _action: codes.append(code)), codes


@given(
    st.binary(max_size=500),
    st.lists(st.integers(0, 700), max_size=20),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_valid_base64_reads_as_the_standard_library_reads_it(
    content: bytes, breaks: list[int], line_end: bytes
) -> None:
    encoded = base64.b64encode(content)
    for position in breaks:
        encoded = encoded[:position] + line_end + encoded[position:]
    assert decode_base64(encoded) == (content, False)


@given(st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50))
def test_two_base64_texts_glued_together_are_both_read(one: bytes, two: bytes) -> None:
    decoded, _ = decode_base64(base64.encodebytes(one) + base64.encodebytes(two))
    assert decoded == one + two


@given(st.binary(min_size=1, max_size=100))
def test_missing_padding_is_added(content: bytes) -> None:
    encoded = base64.b64encode(content)
    assert decode_base64(encoded.rstrip(b"=")) == (content, encoded.endswith(b"="))


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"aGVsbG8=\r\n\r\n-- \r\na footer http://list.example\r\n", b"hello"),
        (b"aGVsbG8= ignored", b"hello"),
        (b"aGVsbG8gd29ybGQgYW5kIGFsbCB3aG8!gbGl2ZSBpbiBpdA==A=", b"hello world and all who live in it"),
        (b"aGVsbG8gd29ybGQgYW5kIGFsbCB3aG8gbGl2ZSBpbiBpdA==A", b"hello world and all who live in it"),
        (b"Dear all, this was never encoded.", b"Dear all, this was never encoded."),
        (b"A", b""),
    ],
)
def test_broken_base64_is_read_as_far_as_it_goes(encoded: bytes, decoded: bytes) -> None:
    assert decode_base64(encoded) == (decoded, True)


@pytest.mark.parametrize(
    "encoded", [b"", b"\r\n", b"aGk=\r\n \r\n", b"  aGVsbG8gd29ybGQsIGhlbGxvIHdvcmxkLCBoZWxsbyB3b3JsZA=="]
)
def test_white_space_around_base64_is_no_damage(encoded: bytes) -> None:
    assert decode_base64(encoded) == (base64.b64decode(encoded), False)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_quoted_printable_gives_back_what_was_encoded(text: str) -> None:
    assert decode(quopri.encodestring(text.encode()), "quoted-printable") == (text.encode(), [])


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (b"a=\r\nb", b"ab"),
        (b"a=  \r\nb", b"ab"),
        (b"a=\t\nb", b"ab"),
        (b"a=\rb\nc", b"ab\nc"),
        (b"a=zz", b"a=zz"),
        (b"a=e9", b"a\xe9"),
        (b"a=", b"a"),
        (b"a =20\r\nb", b"a  \r\nb"),
    ],
)
def test_quoted_printable_is_read_forgivingly(encoded: bytes, decoded: bytes) -> None:
    assert decode(encoded, "quoted-printable") == (decoded, [])


@pytest.mark.parametrize("encoding", ["", "7bit", "8bit", "binary"])
def test_an_identity_encoding_changes_nothing(encoding: str) -> None:
    assert decode(b"a=3D\xff\r\n", encoding) == (b"a=3D\xff\r\n", [])


def test_an_unknown_encoding_is_a_defect_and_changes_nothing() -> None:
    assert decode(b"a=3D", "x-own") == (b"a=3D", [DefectCode.TRANSFER_ENCODING_BROKEN])


def test_broken_base64_is_a_defect() -> None:
    assert decode(b"aGk", "base64") == (b"hi", [DefectCode.TRANSFER_ENCODING_BROKEN])
