import binascii
import os
import re
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.containers.costs import check_costs, fill

from mail_archiver.mime.containers.binhex import MAX_BLOCKS, MAX_RUNS, cut_binhex
from mail_archiver.mime.containers.packed_file import PackedFile

BANNER = b"(This file must be converted with BinHex 4.0)"
ALPHABET = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

NAMES = st.text("abcXYZ 012._-éü", min_size=1, max_size=20).map(str.strip).filter(bool)
RUNS = st.lists(st.tuples(st.sampled_from(b"a\x90\x00"), st.integers(1, 600)), max_size=6).map(
    lambda runs: b"".join(bytes([octet]) * times for octet, times in runs)
)
CONTENTS = st.binary(max_size=300) | RUNS
LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def crc(content: bytes) -> bytes:
    return struct.pack(">H", binascii.crc_hqx(content, 0))


def header(name: bytes, data_octets: int, resource_octets: int = 0) -> bytes:
    fields = struct.pack(">x4s4sHII", b"TEXT", b"ttxt", 0, data_octets, resource_octets)
    return bytes([len(name)]) + name + fields


def pack(content: bytes) -> bytes:
    """The run-length code: runs of more than three, and the mark itself."""

    def shorten(run: re.Match[bytes]) -> bytes:
        octet = b"\x90\x00" if run[1] == b"\x90" else run[1]
        return octet * len(run[0]) if len(run[0]) < 4 else octet + bytes([0x90, len(run[0])])

    return re.sub(rb"(.)\1{0,254}", shorten, content, flags=re.DOTALL)


def armor(packed: bytes, line_end: bytes = b"\r\n") -> bytes:
    sextets = binascii.b2a_base64(packed, newline=False).rstrip(b"=")
    text = b":" + sextets.translate(bytes.maketrans(BASE64, ALPHABET)) + b":"
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return BANNER + line_end + line_end.join([b"", *lines, b""])


def encode(
    content: bytes,
    name: str = "a.bin",
    *,
    resource: bytes = b"",
    line_end: bytes = b"\r\n",
    charset: str = "utf-8",
) -> bytes:
    head = header(name.encode(charset), len(content), len(resource))
    file = head + crc(head) + content + crc(content) + resource + crc(resource)
    return armor(pack(file), line_end)


def packed(content: bytes, name: str | None = "a.bin", *, broken: bool = False) -> PackedFile:
    return PackedFile(name, "application/octet-stream", content, broken)


@given(CONTENTS, NAMES, st.binary(max_size=100), LINE_ENDS)
def test_the_data_fork_is_cut_out_of_the_text_around_it(
    content: bytes, name: str, resource: bytes, line_end: bytes
) -> None:
    before, after = b"Dear all," + line_end, b"Regards" + line_end
    block = encode(content, name, resource=resource, line_end=line_end)
    assert cut_binhex(before + block + after) == (before + after, [packed(content, name)])


@given(st.lists(CONTENTS, max_size=4))
def test_files_come_in_the_order_of_the_text(contents: list[bytes]) -> None:
    rest, files = cut_binhex(b"".join(b"text\r\n" + encode(content) for content in contents))
    assert rest == b"text\r\n" * len(contents)
    assert files == [packed(content) for content in contents]


@pytest.mark.parametrize(
    ("code", "content"),
    [
        (b"\x11\x22\x90\x06\x33", b"\x11\x22\x22\x22\x22\x22\x22\x33"),  # the examples of RFC 1741
        (b"\x11\x22\x90\x00\x33\x44", b"\x11\x22\x90\x33\x44"),
        (b"a\x90\x90b", b"a" * 0x90 + b"b"),
        (b"a\x90\x90\x00", b"a" * 0x90 + b"\x00"),
        (b"\x90\x00\x90\x05", b"\x90" * 5),
        (b"a\x90\xff\x90\xff", b"a" * (255 + 254)),
        (b"a\x90\x01b", b"ab"),
    ],
)
def test_the_run_length_code_is_read_from_the_left(code: bytes, content: bytes) -> None:
    head = header(b"a.bin", len(content))
    file = pack(head + crc(head)) + code + pack(crc(content) + crc(b""))
    assert cut_binhex(armor(file)) == (b"", [packed(content)])


def test_a_run_may_go_from_the_name_on_into_the_fields() -> None:
    content = b"\0" * 10
    head = header(b"a\0\0", len(content))
    _, files = cut_binhex(armor(pack(head + crc(head) + content + crc(content))))
    assert [file.content for file in files] == [content]


def test_a_name_in_the_macintosh_s_own_charset_is_decoded() -> None:
    assert cut_binhex(encode(b"x", "Übersicht é", charset="mac_roman"))[1] == [packed(b"x", "Übersicht é")]


def test_a_file_in_lines_of_another_length_and_with_spaces_is_read() -> None:
    block = encode(bytes(range(200)))
    banner, _, data = block.partition(b"\r\n\r\n")
    data = b" \r\n".join(re.findall(rb".{1,40}", data.replace(b"\r\n", b"")))
    assert cut_binhex(banner + b"\r\n\r\n  " + data) == (b"", [packed(bytes(range(200)))])


def damage(block: bytes, old: bytes, new: bytes) -> bytes:
    assert old in block
    return block.replace(old, new, 1)


def test_a_wrong_crc_gives_the_file_and_says_so() -> None:
    content = os.urandom(300)
    head = header(b"a.bin", len(content))
    for head_crc, data_crc in ((b"\0\0", crc(content)), (crc(head), b"\0\0")):
        _, files = cut_binhex(armor(pack(head + head_crc + content + data_crc)))
        assert files == [packed(content, broken=True)]


@given(st.integers(0, 5_000))
def test_a_file_cut_off_gives_what_came(cut: int) -> None:
    content = bytes(range(256)) * 12
    block = encode(content)
    rest, files = cut_binhex(block[:cut])
    for file in files:
        assert content.startswith(file.content)
        assert file.broken == (cut < len(block) - 2)
    assert files or rest == block[:cut]


def test_a_file_without_its_second_colon_ends_where_its_lines_do() -> None:
    content = bytes(range(200))
    block = encode(content).rstrip(b":\r\n") + b"\r\n"
    assert cut_binhex(block + b"\r\nRegards\r\n") == (b"\r\nRegards\r\n", [packed(content, broken=True)])


def test_a_file_that_lacks_octets_within_is_broken() -> None:
    block = encode(os.urandom(500))
    _, (file,) = cut_binhex(block[:200] + block[300:])
    assert file.broken


@pytest.mark.parametrize(
    "text",
    [
        b"",
        BANNER,
        BANNER + b"\r\n\r\n",
        BANNER + b"\r\n\r\n:-)\r\n",
        BANNER + b"\r\n\r\n::\r\n",
        BANNER + b"\r\nis what it says: see RFC 1741\r\n",
        b"> " + encode(b"x").replace(b"\r\n", b"\r\n> "),
        b"converted with BinHex 4.0)\r\n\r\n:abc:\r\n",
        armor(b"\x00" * 40),  # a name of no length
        armor(b"\xff" * 400),
        armor(b"\x05a\x01\x02\x03b" + b"\0" * 60),  # a name that is none, and no CRC that says otherwise
        armor(header(b"a.bin", 3)),
    ],
)
def test_a_text_that_speaks_of_binhex_is_no_file(text: bytes) -> None:
    assert cut_binhex(text) == (text, [])


@given(st.binary(max_size=300))
def test_any_bytes_after_the_banner_are_borne(noise: bytes) -> None:
    cut_binhex(BANNER + b"\r\n\r\n:" + noise)
    cut_binhex(armor(noise))
    head = header(b"a.bin", 40)
    cut_binhex(armor(pack(head + crc(head)) + noise))


def bomb(times: int) -> bytes:
    head = header(b"a.bin", 1 << 31)
    return armor(pack(head + crc(head)) + b"a" + b"\x90\xff" * times)


def test_a_bomb_is_expanded_up_to_the_limit_and_broken() -> None:
    rest, files = cut_binhex(bomb(1_000), max_octets=1_000)
    assert (rest, files) == (b"", [packed(b"a" * 1_000, broken=True)])


def test_the_limit_is_for_all_files_of_a_text() -> None:
    _, files = cut_binhex(encode(b"one") + encode(b"three") + encode(b""), max_octets=5)
    assert files == [packed(b"one"), packed(b"th", broken=True), packed(b"")]


def test_a_file_of_exactly_the_limit_is_whole() -> None:
    assert cut_binhex(encode(b"three"), max_octets=5)[1] == [packed(b"three")]


def test_a_resource_fork_is_not_expanded() -> None:
    head = header(b"a.bin", 3, 1 << 31)
    file = pack(head + crc(head) + b"Cat" + crc(b"Cat")) + b"a" + b"\x90\xff" * 1_000
    assert cut_binhex(armor(file), max_octets=3)[1] == [packed(b"Cat")]


def test_a_file_of_too_many_runs_ends_where_the_last_one_allowed_does() -> None:
    head = header(b"a.bin", 3 * (MAX_RUNS + 10))
    _, (file,) = cut_binhex(armor(head + crc(head) + b"a\x90\x03" * (MAX_RUNS + 10)))
    assert file.broken
    assert set(file.content) == {ord("a")}
    assert 3 * (MAX_RUNS - 10) < len(file.content) <= 3 * MAX_RUNS + 1


def test_only_so_many_files_are_cut_out_and_the_rest_stays_text() -> None:
    one = encode(b"Cat")
    rest, files = cut_binhex(one * (MAX_BLOCKS + 2))
    assert (rest, len(files)) == (one * 2, MAX_BLOCKS)


START = BANNER + b"\n\n:"
LONG_HEADER = header(b"a.bin", 1 << 31) + crc(header(b"a.bin", 1 << 31))
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "colons": lambda n: START + fill(b":", n),
    "colons alone": lambda n: fill(b":", n),
    "banners": lambda n: fill(START + b":\n", n),
    "banners in one line": lambda n: fill(BANNER, n),
    "banners and spaces": lambda n: fill(BANNER + b"\n" + b" " * 90, n),
    "one line without end": lambda n: START + fill(b"!", n),
    "short lines without end": lambda n: START + fill(b"!\n", n) + b"g",
    "short lines": lambda n: START + fill(b"!\n", n) + b":",
    "runs of five": lambda n: armor(LONG_HEADER + fill(b"a\x90\x05", n * 7 // 10)),
    "runs of one": lambda n: armor(LONG_HEADER + fill(b"a\x90\x01", n * 7 // 10)),
    "marks": lambda n: armor(LONG_HEADER + fill(b"\x90\x00", n * 7 // 10)),
    "noise": os.urandom,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_costs_little(kind: str) -> None:
    check_costs(cut_binhex, HOSTILE[kind])


def test_a_bomb_costs_no_more_than_the_limit() -> None:
    check_costs(cut_binhex, lambda n: bomb(n * 3 // 10), may_expand_to=64 * 1024 * 1024)


def test_a_large_file_comes_back() -> None:
    content = os.urandom(2_000_000) + bytes(2_000_000)
    assert cut_binhex(encode(content)) == (b"", [packed(content)])
