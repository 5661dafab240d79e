"""The short way to read a header finds what the long one finds."""

from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.mime.header_block import _read_fields, _read_sound

LINES = [
    b"A: b",
    b"A :c",
    b"a:",
    b" fold",
    b"\tfold: d",
    b" ",
    b"no colon",
    b"",
    b": d",
    b"From me",
    b"\xe9: f",
]


@given(
    st.lists(
        st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r", b"\r\r\n"])), max_size=8
    )
)
def test_a_header_reads_the_same_by_the_short_way(lines: list[tuple[bytes, bytes]]) -> None:
    window = b"".join(line + end for line, end in lines)
    sound = _read_sound(window)
    assert sound is None or sound == _read_fields(window, is_whole=True)


def test_the_short_way_is_taken_for_what_is_usual() -> None:
    sound = _read_sound(b"From: a@b.example\r\nSubject: one\r\n two\r\n\r\nBody: text\r\n")
    assert sound == ([(b"from", b" a@b.example\r"), (b"subject", b" one\r\n two\r")], 41, False)
