from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.costs import check_costs
from tests.unit.mime.rtf_writer import DICTIONARY, compress_rtf, store_rtf, wrap_rtf

from mail_archiver.mime.compressed_rtf import decompress_rtf

RTF = rb"{\rtf1\ansi\ansicpg1252\pard hello world}" + b"\r\n"
RTFS = st.binary(max_size=200) | st.lists(st.sampled_from([b"\\par ", b"hello ", b"a", b"\r\n"])).map(
    b"".join
)


def decompress(compressed: bytes, *, max_octets: int = 20_000) -> tuple[bytes, bool]:
    return decompress_rtf(memoryview(compressed), max_octets=max_octets)


def test_the_example_of_the_specification_is_read() -> None:
    example = (
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert decompress(bytes.fromhex(example)) == (RTF, False)


@given(RTFS)
def test_what_was_compressed_comes_back(rtf: bytes) -> None:
    assert decompress(compress_rtf(rtf)) == (rtf, False)


def test_references_go_round_the_ring() -> None:
    rtf = b"".join(b"line %d\\par " % n for n in range(900))
    assert decompress(compress_rtf(rtf)) == (rtf, False)


def test_a_reference_may_reach_into_what_it_writes() -> None:
    assert decompress(compress_rtf(b"a" * 500)) == (b"a" * 500, False)


@given(RTFS)
def test_what_was_only_stored_comes_back(rtf: bytes) -> None:
    assert decompress(store_rtf(rtf)) == (rtf, False)


@pytest.mark.parametrize("write", [compress_rtf, store_rtf])
def test_a_limit_cuts_and_says_so(write: partial[bytes]) -> None:
    assert decompress(write(RTF), max_octets=10) == (RTF[:10], True)
    assert decompress(write(RTF), max_octets=len(RTF)) == (RTF, False)


@given(st.integers(0, 100))
def test_what_was_cut_off_gives_what_came(cut: int) -> None:
    rtf = bytes(range(100))
    compressed = compress_rtf(rtf)
    read, broken = decompress(compressed[:cut])
    assert broken
    assert rtf.startswith(read)


def test_a_wrong_crc_gives_the_rtf_and_says_so() -> None:
    compressed = compress_rtf(RTF)
    assert decompress(compressed[:12] + b"\0\0\0\0" + compressed[16:]) == (RTF, True)


@pytest.mark.parametrize(
    "compressed", [b"", b"\xff" * 15, b"\0" * 16, wrap_rtf(b"", 5), wrap_rtf(b"\x01\xff\xf0", 5)]
)
def test_what_is_no_rtf_is_broken_and_empty(compressed: bytes) -> None:
    assert decompress(compressed) == (b"", True)


@given(st.binary(max_size=300))
def test_any_bytes_are_borne(noise: bytes) -> None:
    decompress(noise)
    decompress(wrap_rtf(noise, 1_000))


def endless(octets: int, *, distance: int, length: int, literals: int) -> bytes:
    """Groups of so many literals, and references for the rest; none of them ends it."""
    coded, written = bytearray(), len(DICTIONARY)
    while len(coded) < octets:
        coded.append(0xFF << literals & 0xFF)
        coded += b"a" * literals
        written += literals
        for _ in range(8 - literals):
            coded += ((written - distance) % 4096 << 4 | (length - 2)).to_bytes(2, "big")
            written += length
    return wrap_rtf(bytes(coded), 1 << 31)


@pytest.mark.parametrize(
    ("distance", "length", "literals"), [(1, 2, 0), (1, 17, 0), (200, 17, 0), (1, 2, 4), (100, 2, 7)]
)
def test_hostile_rtf_costs_little(distance: int, length: int, literals: int) -> None:
    check_costs(
        partial(decompress, max_octets=1024 * 1024),
        lambda n: endless(n // 9, distance=distance, length=length, literals=literals),
        may_expand_to=1024 * 1024,
    )
