import base64
import binascii
import quopri
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver import octets
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.base64 import _decode_even_lines, decode_base64
from mail_archiver.mime.transfer import open_transfer
from mail_archiver.octets import InMemory


def decode(content: bytes, encoding: str) -> tuple[bytes, list[DefectCode]]:
    codes: list[DefectCode] = []
    transfer = open_transfer(
        InMemory(content), 0, len(content), encoding, lambda code, _action: codes.append(code)
    )
    return b"".join(transfer.decode()), codes


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


ODD_OCTETS = st.sampled_from([b"", b"=", b"==", b"!", b" ", b"\n", b"\r\n", b"A", b"\0", b"!!!!", b"--=="])


@given(
    st.binary(max_size=300),
    st.integers(1, 40),
    st.integers(0, 100),
    st.integers(0, 400),
    st.integers(0, 3),
    ODD_OCTETS,
)
def test_lines_of_one_length_are_read_at_once_where_nothing_is_wrong(
    content: bytes, quads: int, at: int, end: int, missing: int, odd: bytes
) -> None:
    encoded = base64.b64encode(content)
    text = b"\r\n".join(encoded[start : start + 4 * quads] for start in range(0, len(encoded), 4 * quads))
    assert _decode_even_lines(text) == ((content, 4 * quads) if b"\r\n" in text else None)
    replaced = text[:at] + odd + text[at + len(odd) :]
    for damaged in (replaced, text[:at] + odd + text[at + missing :], text[:end]):
        read = None
        with suppress(binascii.Error):
            read = _decode_even_lines(damaged)
        if read is not None:
            assert read[0] == base64.b64decode(damaged.replace(b"\r\n", b""), validate=True)


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
    monkeypatch.setattr("mail_archiver.mime.base64.MAX_WHOLE_OCTETS", size)
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
