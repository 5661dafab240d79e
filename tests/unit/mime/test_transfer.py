import base64
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver import octets
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime import base64 as our_base64
from mail_archiver.mime.structure import Part
from mail_archiver.mime.transfer import decode_transfer
from mail_archiver.octets import InMemory


def decode(content: bytes, encoding: str) -> tuple[bytes, list[DefectCode]]:
    codes: list[DefectCode] = []
    part = Part()
    part.set_raw("content-transfer-encoding", encoding)
    part.end = len(content)
    pieces = decode_transfer(InMemory(content), part, lambda code, _action: codes.append(code))
    return b"".join(pieces), codes


def decode_base64(content: bytes) -> tuple[bytes, bool]:
    broken: list[bool] = []
    pieces = our_base64.decode_base64(InMemory(content), 0, len(content), lambda: broken.append(True))
    return b"".join(pieces), bool(broken)


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
        (b"a=e9", b"a\xe9"),
        (b"a=", b"a"),
        (b"a =20\r\nb", b"a  \r\nb"),
        (b"a \t\r\nb \nc", b"a\r\nb\nc"),
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


@pytest.mark.parametrize("encoded", [b"a=zz", b"a=zb=\r\n", b"x = y", b"a=4"])
def test_an_equals_sign_that_encodes_nothing_stays_and_is_a_defect(encoded: bytes) -> None:
    decoded, codes = decode(encoded, "quoted-printable")
    assert decoded == encoded.removesuffix(b"=\r\n")
    assert codes == [DefectCode.TRANSFER_ENCODING_BROKEN]


def pieces(content: bytes, encoding: str, size: int, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(octets, "PIECE_OCTETS", size)
    return decode(content, encoding)[0]


NOISE = st.text("ABab09+/=\r\n -_\t", max_size=60).map(str.encode)
BASE64 = st.builds(
    lambda content, noise, at: content[:at] + noise + content[at:],
    st.binary(max_size=90).map(base64.encodebytes),
    st.one_of(st.just(b""), NOISE),
    st.integers(0, 120),
)


@given(st.one_of(NOISE, BASE64), st.integers(1, 20))
def test_base64_reads_the_same_in_pieces_of_any_size(content: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        in_pieces = pieces(content, "base64", size, monkeypatch)
    assert in_pieces == decode(content, "base64")[0]


@given(st.text("abc=E9 \t\n", max_size=80), st.integers(1, 20))
def test_quoted_printable_reads_the_same_in_pieces_of_any_size(text: str, size: int) -> None:
    content = text.encode()
    with pytest.MonkeyPatch.context() as monkeypatch:
        in_pieces = pieces(content, "quoted-printable", size, monkeypatch)
    assert in_pieces == decode(content, "quoted-printable")[0]
