from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.mime.header_block import MAX_FIELDS, HeaderBlock, read_header_block
from mail_archiver.octets import InMemory

LINES = [
    b"A: b", b"A :c", b"a:", b" fold", b"\tfold: d", b" ", b"no colon", b"", b": d", b"From me", b"\xe9: f",
    b"--b: g",
]  # fmt: skip


def read(header: bytes, max_octets: int = 1_000_000) -> HeaderBlock:
    return read_header_block(InMemory(header), 0, len(header), max_octets)


def test_a_sound_header_is_unfolded_and_nothing_else() -> None:
    header = b"From: a@b.example\r\nSubject: one\r\n two\r\n\r\nBody: text\r\n"
    assert read(header) == HeaderBlock(b"From: a@b.example\nSubject: one two\n", 41, octets_read=41)


def test_a_bare_cr_ends_no_line() -> None:
    assert read(b"Subject: one\rTo: two\r\n\r\nBody").fields == b"Subject: one To: two\n"


def test_a_line_that_begins_as_a_delimiter_is_no_field() -> None:
    assert read(b"A: b\n--c: d\n\nBody") == HeaderBlock(b"A: b\n", 5, is_broken=True, octets_read=5)


def test_more_fields_than_may_be_read_are_left_out() -> None:
    block = read(b"A: b\n" * (MAX_FIELDS + 1) + b"\nBody")
    assert (block.fields.count(b"\n"), block.is_cut, block.end) == (
        MAX_FIELDS,
        True,
        5 * (MAX_FIELDS + 1) + 1,
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r", b"\r\r\n"])), max_size=8
    )
)
def test_what_is_fed_are_fields_on_a_line_each(lines: list[tuple[bytes, bytes]]) -> None:
    header = b"".join(line + end for line, end in lines)
    block = read(header)
    assert b"\r" not in block.fields
    assert 0 <= block.end <= len(header)
    for line in block.fields.splitlines():
        name, colon, _ = line.partition(b":")
        assert colon
        assert name.strip() == name != b""
