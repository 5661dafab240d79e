import base64
import binascii
import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.costs import check_costs, fill

from mail_archiver.mime.packed_file import PackedFile
from mail_archiver.mime.uuencode import MAX_BLOCKS, cut_uuencoded, decode_uuencoded

CONTENTS = st.binary(max_size=400) | st.integers(0, 400).map(bytes)
NAMES = st.text("abcXYZ 012._-é文", min_size=1, max_size=20).map(str.strip).filter(bool)
LINE_ENDS = st.sampled_from([b"\n", b"\r\n"])


def lines_of(content: bytes, *, backtick: bool = True, octets: int = 45) -> list[bytes]:
    return [
        binascii.b2a_uu(content[start : start + octets], backtick=backtick).rstrip(b"\n")
        for start in range(0, len(content), octets)
    ]


def encode(
    content: bytes, name: str = "a.bin", *, backtick: bool = True, octets: int = 45, line_end: bytes = b"\n"
) -> bytes:
    data = lines_of(content, backtick=backtick, octets=octets)
    block = [f"begin 644 {name}".encode(), *data, b"`" if backtick else b" ", b"end", b""]
    return line_end.join(block)


def encode_base64(content: bytes, name: str = "a.bin") -> bytes:
    return f"begin-base64 644 {name}\n".encode() + base64.encodebytes(content) + b"====\n"


def packed(content: bytes, name: str | None = "a.bin", *, broken: bool = False) -> PackedFile:
    return PackedFile(name, "application/octet-stream", content, broken)


@given(CONTENTS, NAMES, st.booleans(), st.integers(1, 45), LINE_ENDS)
def test_what_was_encoded_is_cut_out_of_the_text_around_it(
    content: bytes, name: str, backtick: bool, octets: int, line_end: bytes
) -> None:
    before, after = b"Dear all," + line_end, b"Regards" + line_end
    block = encode(content, name, backtick=backtick, octets=octets, line_end=line_end)
    assert cut_uuencoded(before + block + after) == (before + after, [packed(content, name)])


@given(st.binary(max_size=40_000))
def test_a_long_file_comes_back(content: bytes) -> None:
    content *= 7
    assert cut_uuencoded(encode(content)) == (b"", [packed(content)])


@given(st.lists(CONTENTS, max_size=4), LINE_ENDS)
def test_files_come_in_the_order_of_the_text(contents: list[bytes], line_end: bytes) -> None:
    text = b"".join(b"text" + line_end + encode(content, line_end=line_end) for content in contents)
    rest, files = cut_uuencoded(text)
    assert rest == (b"text" + line_end) * len(contents)
    assert files == [packed(content) for content in contents]


@given(CONTENTS, LINE_ENDS)
def test_spaces_that_a_gateway_stripped_at_line_ends_are_put_back(content: bytes, line_end: bytes) -> None:
    block = line_end.join(line.rstrip(b" ") for line in encode(content, backtick=False).split(b"\n"))
    assert cut_uuencoded(block) == (b"", [packed(content)])


@given(CONTENTS, st.sampled_from([b" ", b"   ", b"\t"]))
def test_white_space_added_at_line_ends_does_not_count(content: bytes, added: bytes) -> None:
    block = b"\n".join(line + added for line in encode(content).split(b"\n")[:-1])
    assert cut_uuencoded(block) == (b"", [packed(content)])


@given(st.binary(min_size=1, max_size=400))
def test_a_checksum_character_after_the_octets_is_no_octet(content: bytes) -> None:
    data = b"".join(line + b"X\n" for line in lines_of(content))
    assert cut_uuencoded(b"begin 644 a.bin\n" + data + b"`\nend\n") == (b"", [packed(content)])


@given(st.binary(max_size=400))
def test_base64_between_begin_base64_and_equals_signs_is_a_file_too(content: bytes) -> None:
    assert cut_uuencoded(b"a\n" + encode_base64(content) + b"b\n") == (b"a\nb\n", [packed(content)])


def test_a_base64_block_without_its_end_goes_as_far_as_its_lines() -> None:
    content = bytes(range(200))
    text = encode_base64(content).removesuffix(b"====\n") + b"\nRegards\n"
    assert cut_uuencoded(text) == (b"\nRegards\n", [packed(content, broken=True)])


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"begin 644 report.txt", "report.txt"),
        (b"begin 0644  spaced name.txt ", "spaced name.txt"),
        (b'begin 666 "quoted.txt"', "quoted.txt"),
        (b"begin 100644 long.txt", "long.txt"),
        (b"begin 644 caf\xc3\xa9.txt", "café.txt"),
        (b"begin 644 caf\xe9.txt", "café.txt"),
        (b"begin 644 ", None),
        (b"begin 644", None),
    ],
)
def test_a_name_is_decoded_and_may_be_missing(header: bytes, name: str | None) -> None:
    assert cut_uuencoded(header + b"\n#0V%T\n`\nend\n") == (b"", [packed(b"Cat", name)])


@pytest.mark.parametrize("zero", [b"`", b" ", b""])
def test_an_empty_file_is_a_file(zero: bytes) -> None:
    assert cut_uuencoded(b"begin 644 a.bin\n" + zero + b"\nend") == (b"", [packed(b"")])


@pytest.mark.parametrize(
    "text",
    [
        b"begin 644 times over\nand then some more\n",
        b"begin 644 \nRegards, Ann\n",
        b"begin with the end in mind\n#0V%T\n`\nend\n",
        b"begin 999 a.bin\n#0V%T\n`\nend\n",
        b"we begin 644 a.bin\n#0V%T\n`\nend\n",
        b"> begin 644 a.bin\n> #0V%T\n> `\n> end\n",
        b"begin 644 a.bin\nend\n",
        b"begin 644 a.bin",
        b"begin 644 a.bin\n",
        b"begin 644 a.bin\n\n",
        b"begin 644 THINGS\nHELLO WORLD\nAND MORE\n",
        b"begin-base64 644 a.bin\nRegards\n",
        b"beginning 644 a.bin\n#0V%T\n`\nend\n",
        b"",
    ],
)
def test_a_sentence_that_begins_with_begin_is_no_file(text: bytes) -> None:
    assert cut_uuencoded(text) == (text, [])


@given(st.binary(max_size=300))
def test_any_bytes_without_begin_come_back_as_they_are(text: bytes) -> None:
    assert cut_uuencoded(text) == (text, [])


@given(
    st.lists(
        st.sampled_from([b"begin 644 x\n", b"#0V%T\n", b"`\n", b"\n", b"end\n", b"M\n", b"HI\n", b"\xff\n"])
    )
)
def test_what_is_not_cut_out_stays_in_its_order(pieces: list[bytes]) -> None:
    rest, _ = cut_uuencoded(b"".join(pieces))
    remaining = iter(pieces)
    assert all(line in remaining for line in rest.splitlines(keepends=True))


def test_a_file_without_its_end_goes_as_far_as_its_lines() -> None:
    content = bytes(range(100))
    text = encode(content).removesuffix(b"`\nend\n")
    for rest in (b"", b"\nRegards\nAnn\n", b"--\nANN\n", b"GREETINGS\n"):
        assert cut_uuencoded(text + rest) == (rest, [packed(content, broken=True)])


def test_a_file_that_ends_in_its_zero_line_leaves_none_of_it_behind() -> None:
    text = encode(b"Cat").removesuffix(b"end\n")
    assert cut_uuencoded(text + b"Regards\n") == (b"Regards\n", [packed(b"Cat", broken=True)])


def test_a_file_cut_within_a_line_leaves_that_line_in_the_text() -> None:
    content = bytes(range(90))
    text = b"begin 644 a.bin\n" + b"\n".join(lines_of(content))[:-10]
    rest, files = cut_uuencoded(text)
    assert files == [packed(content[:45], broken=True)]
    assert text.endswith(rest)


def test_a_begin_inside_a_file_without_end_begins_the_next() -> None:
    one = encode(b"one").removesuffix(b"`\nend\n")
    assert cut_uuencoded(one + encode(b"two")) == (b"", [packed(b"one", broken=True), packed(b"two")])


def test_a_length_character_below_what_the_line_holds_loses_nothing() -> None:
    good, wrong = lines_of(bytes(range(60)))
    wrong = b"!" + wrong[1:]
    block = b"\n".join([b"begin 644 a.bin", good, wrong, b"`", b"end", b""])
    assert cut_uuencoded(block) == (b"", [packed(bytes(range(60)), broken=True)])


@pytest.mark.parametrize("line", [b"!0V%T", b"!0V%TX", b'"0V%T', b"!0V "])
def test_characters_that_fill_the_last_four_may_be_anything(line: bytes) -> None:
    rest, (file,) = cut_uuencoded(b"begin 644 a.bin\n" + line + b"\n`\nend\n")
    assert (rest, file.broken) == (b"", False)
    assert b"Cat".startswith(file.content)


@given(
    st.lists(st.binary(max_size=90) | st.text(st.sampled_from(" !#MNXY_`0z"), max_size=70).map(str.encode))
)
def test_any_lines_after_begin_are_borne(lines: list[bytes]) -> None:
    for end in (b"", b"\n`\nend\n"):
        cut_uuencoded(b"begin 644 x\n" + b"\n".join(lines) + end)
        cut_uuencoded(b"begin-base64 644 x\n" + b"\n".join(lines) + end + b"====\n")


def test_a_length_character_above_what_the_line_holds_adds_zeros() -> None:
    block = b"begin 644 a.bin\n" + b"&0V%T\n" + b"`\nend\n"
    assert cut_uuencoded(block) == (b"", [packed(b"Cat\0\0\0")])


@given(st.binary(max_size=300))
def test_a_part_in_x_uuencode_is_its_first_file(content: bytes) -> None:
    assert decode_uuencoded(b"\n" + encode(content) + encode(b"more")) == content


@pytest.mark.parametrize("content", [b"", b"no file in here\n", b"begin 644 x\n"])
def test_a_part_in_x_uuencode_without_a_file_is_none(content: bytes) -> None:
    assert decode_uuencoded(content) is None


def test_only_so_many_files_are_cut_out_and_the_rest_stays_text() -> None:
    one = encode(b"Cat")
    rest, files = cut_uuencoded(one * (MAX_BLOCKS + 5))
    assert (rest, len(files)) == (one * 5, MAX_BLOCKS)


BEGIN = b"begin 644 x\n"
FULL = b"M" + b"A" * 60 + b"\n"
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "begin alone": lambda n: fill(BEGIN, n),
    "begin and a short line": lambda n: fill(BEGIN + b"AA\n", n),
    "begin and an empty line": lambda n: fill(BEGIN + b"\n", n),
    "empty files": lambda n: fill(BEGIN + b"`\nend\n", n),
    "begin without line ends": lambda n: fill(b"begin 644 x ", n),
    "begin and spaces": lambda n: b"begin" + fill(b" ", n),
    "long names": lambda n: fill(b"begin 644 " + b"x" * 500 + b"\n", n),
    "no end": lambda n: BEGIN + fill(FULL, n),
    "an end": lambda n: BEGIN + fill(FULL, n) + b"`\nend\n",
    "checksum characters": lambda n: BEGIN + fill(FULL[:-1] + b"X\r\n", n) + b"`\nend\n",
    "stripped to the length character": lambda n: BEGIN + fill(b"M\n", n) + b"end\n",
    "the longest length character": lambda n: BEGIN + fill(b"_\n", n) + b"end\n",
    "long and short lines in turn": lambda n: BEGIN + fill(FULL + b"!\n", n) + b"end\n",
    "one line": lambda n: BEGIN + fill(b"A", n),
    "empty lines": lambda n: BEGIN + b"!\n" + fill(b"\n", n),
    "base64": lambda n: b"begin-base64 644 x\n" + fill(b"A" * 76 + b"\n", n) + b"====\n",
    "short lines of base64": lambda n: b"begin-base64 644 x\n" + fill(b"A\n", n) + b"====\n",
    "noise": os.urandom,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_costs_little(kind: str) -> None:
    check_costs(cut_uuencoded, HOSTILE[kind])


def test_a_large_file_comes_back() -> None:
    content = os.urandom(3_000_000)
    assert cut_uuencoded(encode(content, line_end=b"\r\n")) == (b"", [packed(content)])
