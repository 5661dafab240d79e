"""Blobs in S3 object storage."""

import hashlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from obstore.store import S3Store
from tests.integration.blobs.originals import mail_and_file
from tests.servers.s3 import S3
from tests.servers.s3_front import S3Front

from mail_archiver.blobs import BlobStorage, object_store, open_blobs
from mail_archiver.blobs.key import blob_key
from mail_archiver.blobs.object_store import PART_OCTETS, READ_OCTETS
from mail_archiver.domain.draft import Blob
from mail_archiver.errors import BlobDamaged, BlobLost, ConfigError, StorageError
from mail_archiver.octets import InMemory, whole


@pytest.fixture(autouse=True)
def environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def blobs(s3: S3) -> BlobStorage:
    return open_blobs(f"s3://{s3.new_bucket()}/mail/archive")


def blob(content: bytes) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), InMemory(content))


def original(content: bytes) -> Blob:
    return replace(blob(content), is_original=True)


def listed(bucket: str) -> list[str]:
    store = S3Store(bucket, client_options={"allow_http": True})
    return [each["path"] for page in store.list() for each in page]


def test_gives_back_what_was_put(blobs: BlobStorage) -> None:
    contents = [b"", b"one", bytes(range(256)) * 1000]
    blobs.put(map(blob, contents))
    assert [blobs.get(blob(content).sha256) for content in contents] == contents


def test_a_small_blob_is_put_with_one_request_and_a_large_one_in_parts(s3: S3) -> None:
    bucket = s3.new_bucket()
    small, large = blob(b"x" * PART_OCTETS), blob(b"x" * (PART_OCTETS + 1))
    open_blobs(f"s3://{bucket}").put([small, large])
    store = S3Store(bucket, client_options={"allow_http": True})
    tags = {each.sha256: store.head(blob_key(each.sha256))["e_tag"] or "" for each in (small, large)}
    # The tag of an upload in parts ends with their number.
    assert "-" not in tags[small.sha256]
    assert "-" in tags[large.sha256]


@pytest.mark.parametrize("times", [0, 1, 100, PART_OCTETS // 100])
def test_stores_an_original_compressed_under_the_hash_of_its_bytes(s3: S3, times: int) -> None:
    bucket = s3.new_bucket()
    blobs, each = open_blobs(f"s3://{bucket}"), original(bytes(range(200)) * times)
    blobs.put([each, blob(b"plain")])
    assert f"{blob_key(each.sha256)}.zst" in listed(bucket)
    assert blobs.get(each.sha256) == bytes(range(200)) * times
    assert blobs.get(blob(b"plain").sha256) == b"plain"


def test_an_original_is_stored_without_what_its_attachment_file_has(s3: S3) -> None:
    bucket = s3.new_bucket()
    blobs, (each, file) = open_blobs(f"s3://{bucket}"), mail_and_file()
    blobs.put([each, file])
    assert sum(stored.size_octets for stored in blobs.stored()) < len(file.content) + 1000
    assert blobs.get(each.sha256) == whole(each.content)
    assert blobs.get(file.sha256) == whole(file.content)
    blobs.remove([file.sha256])
    with pytest.raises(BlobLost):
        blobs.get(each.sha256)


def test_an_original_that_is_an_attachment_too_is_one_blob_in_two_objects(blobs: BlobStorage) -> None:
    blobs.put([original(b"both"), blob(b"both")])
    assert [each.sha256 for each in blobs.stored()] == [blob(b"both").sha256]
    blobs.remove([blob(b"both").sha256])
    assert list(blobs.stored()) == []


def test_a_damaged_original_is_told(s3: S3) -> None:
    bucket, each = s3.new_bucket(), original(b"one")
    blobs = open_blobs(f"s3://{bucket}")
    S3Store(bucket, client_options={"allow_http": True}).put(
        blob_key(each.sha256, compressed=True), b"damaged"
    )
    with pytest.raises(BlobDamaged):
        blobs.get(each.sha256)


def test_lays_blobs_out_by_their_hash_below_the_prefix(s3: S3) -> None:
    bucket = s3.new_bucket()
    open_blobs(f"s3://{bucket}/mail/archive").put([blob(b"hello")])
    sha256 = blob(b"hello").sha256
    assert listed(bucket) == [f"mail/archive/{sha256[:2]}/{sha256[2:4]}/{sha256}"]


def test_putting_twice_changes_nothing(blobs: BlobStorage) -> None:
    blobs.put([blob(b"once"), blob(b"once")])
    blobs.put([blob(b"once")])
    assert blobs.get(blob(b"once").sha256) == b"once"


def test_a_check_leaves_nothing_behind(s3: S3) -> None:
    bucket = s3.new_bucket()
    open_blobs(f"s3://{bucket}").check()
    assert listed(bucket) == []


def test_a_blob_that_is_not_there_is_an_error_of_storage(blobs: BlobStorage) -> None:
    for read in (blobs.get, lambda sha256: next(blobs.pieces(sha256))):
        with pytest.raises(StorageError) as raised:
            read(blob(b"never put").sha256)
        assert "no such blob" in raised.value.what
        assert raised.value.where == f"storage {blobs.url}"


def test_lists_what_is_stored_below_the_prefix_ascending_and_nothing_else(s3: S3) -> None:
    bucket = s3.new_bucket()
    ours, others = open_blobs(f"s3://{bucket}/mail/archive"), open_blobs(f"s3://{bucket}/mail/archive-2")
    contents = [blob(f"{number}".encode()) for number in range(1_100)]  # more than one page lists
    began = datetime.now(UTC) - timedelta(seconds=1)  # S3's times have no fractions
    ours.put(contents)
    others.put([blob(b"another's")])
    store = S3Store(bucket, client_options={"allow_http": True})
    store.put("mail/archive/README", b"another's")
    listed = list(ours.stored())
    assert [each.sha256 for each in listed] == sorted(each.sha256 for each in contents)
    assert {each.size_octets for each in listed} == {1, 2, 3, 4}
    assert all(began <= each.stored_at <= datetime.now(UTC) for each in listed)


def test_removes_blobs_whether_they_are_there_or_not(blobs: BlobStorage) -> None:
    contents = [blob(f"{number}".encode()) for number in range(3)]
    blobs.put(contents)
    blobs.remove([contents[0].sha256, blob(b"never put").sha256, contents[2].sha256])
    blobs.remove([contents[0].sha256])
    blobs.remove([])
    assert [each.sha256 for each in blobs.stored()] == [contents[1].sha256]
    assert blobs.remove_leftovers(datetime.now(UTC)) == 0
    with pytest.raises(BlobLost):
        blobs.get(contents[0].sha256)


def test_putting_again_renews_the_time(blobs: BlobStorage) -> None:
    blobs.put([blob(b"once")])
    [before] = blobs.stored()
    while datetime.now(UTC) - before.stored_at < timedelta(seconds=1.1):  # S3's times have no fractions
        time.sleep(0.05)
    blobs.put([blob(b"once")])
    [after] = blobs.stored()
    assert after.stored_at > before.stored_at


def test_reads_a_blob_in_pieces(blobs: BlobStorage) -> None:
    large = blob(bytes(range(256)) * (READ_OCTETS // 128) + b"the rest")
    blobs.put([large])
    pieces = list(blobs.pieces(large.sha256))
    assert [len(piece) for piece in pieces] == [READ_OCTETS, READ_OCTETS, 8]
    assert hashlib.sha256(b"".join(pieces)).hexdigest() == large.sha256


def test_a_bucket_that_is_not_there_is_an_error_of_storage() -> None:
    with pytest.raises(StorageError) as raised:
        open_blobs("s3://nowhere/at/all").put([blob(b"x")])
    assert "no such bucket" in raised.value.what


def test_a_server_that_is_not_there_is_an_error_of_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(object_store, "RETRIES", 1)
    with pytest.raises(StorageError) as raised:
        open_blobs("s3://bucket").check()
    assert raised.value.what == "the object storage cannot be reached"
    assert "AWS_ENDPOINT_URL" in raised.value.hint


def test_a_server_that_stalls_is_given_up(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    front = S3Front(s3)
    monkeypatch.setenv("AWS_ENDPOINT_URL", front.environment["AWS_ENDPOINT_URL"])
    monkeypatch.setattr(object_store, "TIMEOUT_S", 0.5)
    blobs = open_blobs(f"s3://{s3.new_bucket()}")
    contents = [blob(f"{number}".encode()) for number in range(30)]
    front.goes_on.clear()
    started = time.monotonic()
    with pytest.raises(StorageError) as raised:
        blobs.put(contents)
    assert time.monotonic() - started < 5, "it does not wait for each of them"
    assert raised.value.what == "the object storage does not answer in time"
    front.goes_on.set()
    blobs.put(contents)
    assert len(list(blobs.stored())) == len(contents)
    front.stop()


@pytest.mark.parametrize("url", ["s3:", "s3://", "ftp://host/", "file:", "file://", "blobs"])
def test_what_is_no_storage_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigError) as raised:
        open_blobs(url)
    assert raised.value.where == "storage_url"
