import random
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver import octets
from mail_archiver.errors import StorageError
from mail_archiver.octets import InMemory, Octets, Spool, head, sha256_of, whole


def both(content: bytes) -> list[Octets]:
    """In memory, and as a span of a file with something before and after it."""
    spool = Spool()
    spool.keep([b"before"])
    spooled = spool.keep([content[:3], content[3:]])
    spool.keep([b"after"])
    return [InMemory(content), spooled]


@given(
    st.text("ab\n-", max_size=40).map(str.encode),
    st.text("ab\n-", min_size=1, max_size=3).map(str.encode),
    st.integers(0, 45),
    st.integers(0, 45),
    st.integers(1, 9),
)
def test_a_file_is_read_and_searched_as_bytes_are(
    content: bytes, needle: bytes, start: int, end: int, piece: int
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(octets, "PIECE_OCTETS", piece)
        for each in both(content):
            assert len(each) == len(content)
            assert each.read(start, end) == content[start:end]
            assert each.find(needle, start, end) == content.find(needle, start, end)
            assert b"".join(each.pieces(start, min(end, len(content)))) == content[start:end]
            assert whole(each) == content
            assert all(0 < len(some) <= piece for some in each.pieces())
            assert head(each, start) == content[:start]


def test_what_is_kept_may_come_from_the_same_file() -> None:
    spool = Spool()
    first = spool.keep([b"abc" * 1000])
    again = spool.keep(first.pieces())
    assert whole(first) == whole(again) == b"abc" * 1000
    assert whole(spool.octets()) == b"abc" * 2000


def test_a_full_disk_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(octets, "SPOOL_OCTETS", 1000)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, usual[1]))
    try:
        with pytest.raises(StorageError) as raised:
            Spool().keep([b"x" * 1000] * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert "TMPDIR" in raised.value.hint


def test_threads_read_one_file_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(octets, "PIECE_OCTETS", 100)
    monkeypatch.setattr(octets, "SPOOL_OCTETS", 1000)
    spool = Spool()
    contents = [random.Random(n).randbytes(50_000) for n in range(8)]
    kept = [spool.keep([content]) for content in contents]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(whole, kept)) == contents
        assert list(pool.map(sha256_of, kept)) == [sha256_of(InMemory(content)) for content in contents]
