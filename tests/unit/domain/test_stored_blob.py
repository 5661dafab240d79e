"""What is named beside what is stored."""

from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.stored_blob import StoredBlob, side_by_side

NOON = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)

# Few letters, so that names and blobs meet.
hashes = st.sets(st.text("0af", min_size=1, max_size=3))


def stored(sha256s: set[str]) -> list[StoredBlob]:
    return [StoredBlob(sha256, len(sha256), NOON) for sha256 in sorted(sha256s)]


@given(hashes, hashes)
def test_each_hash_comes_once_ascending_with_what_is_known_of_it(named: set[str], kept: set[str]) -> None:
    found = list(side_by_side(iter(sorted(named)), iter(stored(kept))))

    assert [sha256 for sha256, _, _ in found] == sorted(named | kept)
    assert {sha256 for sha256, is_named, _ in found if is_named} == named
    assert {blob.sha256 for _, _, blob in found if blob} == kept
    assert all(blob is None or blob.sha256 == sha256 for sha256, _, blob in found)


@given(hashes, hashes)
def test_the_names_are_looked_at_before_the_blobs(named: set[str], kept: set[str]) -> None:
    looks: list[str] = []

    def names() -> Iterator[str]:
        looks.append("names")
        yield from sorted(named)

    def blobs() -> Iterator[StoredBlob]:
        looks.append("blobs")
        yield from stored(kept)

    list(side_by_side(names(), blobs()))
    assert looks == ["names", "blobs"]


def test_takes_no_more_than_it_needs() -> None:
    def endless() -> Iterator[str]:
        number = 0
        while True:
            yield f"{number:08x}"
            number += 1

    found = side_by_side(endless(), iter(stored({"00000001"})))
    assert [next(found)[:2] for _ in range(3)] == [("00000000", True), ("00000001", True), ("00000002", True)]
