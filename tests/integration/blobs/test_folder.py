"""Blobs in a folder: whole or not at all, private, and each stored once."""

import hashlib
import multiprocessing
import os
import pwd
import resource
import signal
import stat
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Barrier as ThreadBarrier

import pytest
from tests.integration.blobs.originals import mail_and_file

from mail_archiver.blobs import folder as folder_blobs
from mail_archiver.blobs import open_blobs
from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.domain.draft import Blob
from mail_archiver.errors import BlobDamaged, BlobLost, ConfigError, StorageError
from mail_archiver.octets import PIECE_OCTETS, InMemory, whole

TIMEOUT_S = 20.0
LONG_AGO = 1_000_000_000.0


def blob(content: bytes) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), InMemory(content))


def original(content: bytes) -> Blob:
    return replace(blob(content), is_original=True)


OFFER = blob(b"As agreed.\r\n")
LARGE = blob(bytes(range(256)) * 4096)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "blobs"


@pytest.fixture
def blobs(root: Path) -> FolderBlobs:
    return FolderBlobs(root)


def files(folder: Path) -> list[str]:
    """The relative paths of all files, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def in_child(work: Callable[[], None]) -> int | None:
    """Call a function in a child process; returns its exit code."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(TIMEOUT_S)
    process.kill()
    return process.exitcode


def test_stores_a_blob_under_its_hash(blobs: FolderBlobs, root: Path) -> None:
    blobs.put([OFFER, LARGE])
    for each in (OFFER, LARGE):
        place = root / each.sha256[:2] / each.sha256[2:4] / each.sha256
        assert blobs.path(each.sha256) == place
        assert place.read_bytes() == blobs.get(each.sha256) == whole(each.content)
    assert len(files(root)) == 2


@pytest.mark.parametrize(
    "content", [b"", b"As agreed.\r\n" * 1000, os.urandom(1000), os.urandom(100) * (PIECE_OCTETS // 30)]
)
def test_stores_an_original_compressed_under_the_hash_of_its_bytes(
    blobs: FolderBlobs, root: Path, content: bytes
) -> None:
    each = original(content)
    blobs.put([each])
    place = root / each.sha256[:2] / each.sha256[2:4] / f"{each.sha256}.zst"
    assert blobs.path(each.sha256, compressed=True) == place
    assert place.stat().st_size < max(len(content) // 10, len(content) if len(content) > 1000 else 1020)
    assert blobs.get(each.sha256) == content
    assert all(0 < len(piece) <= PIECE_OCTETS for piece in blobs.pieces(each.sha256))
    assert [each.sha256 for each in blobs.stored()] == [each.sha256]
    assert files(root) == [str(place.relative_to(root))]


def test_an_original_is_what_any_program_for_zstandard_reads(blobs: FolderBlobs) -> None:
    each = original(b"As agreed.\r\n" * 1000)
    blobs.put([each, original(b"another")])
    zstd = subprocess.run(
        ["zstd", "--decompress", "--stdout", blobs.path(each.sha256, compressed=True)],
        capture_output=True,
        check=True,
    )
    assert zstd.stdout == whole(each.content)


def test_what_was_stored_plain_before_serves_as_an_original(blobs: FolderBlobs, root: Path) -> None:
    blobs.put([OFFER])
    os.utime(blobs.path(OFFER.sha256), (LONG_AGO, LONG_AGO))
    blobs.put([replace(OFFER, is_original=True)])
    assert files(root) == [str(blobs.path(OFFER.sha256).relative_to(root))]
    assert blobs.path(OFFER.sha256).stat().st_mtime > LONG_AGO
    assert blobs.get(OFFER.sha256) == whole(OFFER.content)


def test_an_original_that_is_an_attachment_too_is_one_blob_in_two_files(
    blobs: FolderBlobs, root: Path
) -> None:
    blobs.put([replace(OFFER, is_original=True), OFFER, LARGE])
    assert len(files(root)) == 3
    assert blobs.path(OFFER.sha256).read_bytes() == blobs.get(OFFER.sha256) == whole(OFFER.content)
    assert [each.sha256 for each in blobs.stored()] == sorted([OFFER.sha256, LARGE.sha256])
    blobs.remove([OFFER.sha256])
    assert [each.sha256 for each in blobs.stored()] == [LARGE.sha256]


@pytest.mark.parametrize(
    "damage",
    [lambda frame: frame[:-1], lambda frame: frame[:0], lambda frame: b"X" + frame, lambda frame: frame * 2],
)
def test_a_damaged_original_is_told_and_replaced(
    blobs: FolderBlobs, damage: Callable[[bytes], bytes]
) -> None:
    each = original(b"As agreed.\r\n" * 1000)
    blobs.put([each])
    place = blobs.path(each.sha256, compressed=True)
    place.write_bytes(damage(place.read_bytes()))
    with pytest.raises(BlobDamaged) as caught:
        blobs.get(each.sha256)
    assert "backup" in caught.value.hint
    blobs.put([each])
    assert blobs.get(each.sha256) == whole(each.content)


def test_an_original_is_stored_without_what_its_attachment_file_has(blobs: FolderBlobs, root: Path) -> None:
    each, file = mail_and_file()
    blobs.put([each, file])
    assert blobs.path(each.sha256, compressed=True).stat().st_size < 1000
    assert blobs.get(each.sha256) == whole(each.content)
    assert blobs.path(file.sha256).read_bytes() == whole(file.content)
    before = blobs.path(each.sha256, compressed=True).read_bytes()
    os.utime(blobs.path(each.sha256, compressed=True), (LONG_AGO, LONG_AGO))
    blobs.put([each, file])
    assert blobs.path(each.sha256, compressed=True).read_bytes() == before
    assert blobs.path(each.sha256, compressed=True).stat().st_mtime > LONG_AGO
    assert len(files(root)) == 2


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_an_original_whose_attachment_file_is_lost_is_lost_and_replaced(
    blobs: FolderBlobs, harm: str
) -> None:
    each, file = mail_and_file()
    blobs.put([each, file])
    place = blobs.path(file.sha256)
    place.unlink() if harm == "missing" else place.write_bytes(bytes(place.stat().st_size))
    if harm == "missing":
        with pytest.raises(BlobLost, match=file.sha256):
            blobs.get(each.sha256)
    else:
        assert blobs.get(each.sha256) != whole(each.content)
    blobs.put([replace(each, embedding=None)])
    assert blobs.get(each.sha256) == whole(each.content)
    blobs.put([each, file])
    assert blobs.get(file.sha256) == whole(file.content)


def test_an_original_that_is_stored_with_another_file_is_stored_on_its_own(blobs: FolderBlobs) -> None:
    """Who names it now may not name that file; who named it before need not name the new one."""
    each, file = mail_and_file()
    assert each.embedding
    other = blob(b"another zip" + whole(file.content))
    (stretch,) = each.embedding.stretches
    stretches = (replace(stretch, offset=11),)
    elsewhere = replace(
        each, embedding=replace(each.embedding, file_sha256=other.sha256, stretches=stretches)
    )
    blobs.put([elsewhere, other])
    assert blobs.get(each.sha256) == whole(each.content)
    for again in ([each, file], [replace(each, embedding=None)]):
        blobs.remove([each.sha256])
        blobs.put([elsewhere, other])
        blobs.put(again)
        blobs.remove([file.sha256, other.sha256])
        assert blobs.get(each.sha256) == whole(each.content)


def test_keeps_everything_to_its_owner_whatever_the_umask(blobs: FolderBlobs, root: Path) -> None:
    before = os.umask(0)
    try:
        blobs.put([OFFER])
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert set(modes.values()) == {0o600, 0o700}
    assert all((mode == 0o700) == path.is_dir() for path, mode in modes.items())


def test_stores_an_empty_blob(blobs: FolderBlobs) -> None:
    empty = blob(b"")
    blobs.put([empty])
    assert blobs.get(empty.sha256) == b""


def test_puts_nothing_where_there_is_nothing_to_put(blobs: FolderBlobs, root: Path) -> None:
    blobs.put([])
    assert not root.exists()


def test_leaves_a_blob_that_is_there_as_it_is_but_renews_its_time(blobs: FolderBlobs, root: Path) -> None:
    blobs.put([OFFER])
    place = blobs.path(OFFER.sha256)
    os.utime(place, (LONG_AGO, LONG_AGO))
    inode = place.stat().st_ino
    blobs.put([OFFER, OFFER])
    assert place.stat().st_ino == inode
    assert place.stat().st_mtime > LONG_AGO
    assert len(files(root)) == 1


def test_replaces_what_a_crash_left_half_written(blobs: FolderBlobs) -> None:
    place = blobs.path(OFFER.sha256)
    place.parent.mkdir(parents=True)
    place.write_bytes(whole(OFFER.content)[:-1])
    blobs.put([OFFER])
    assert blobs.get(OFFER.sha256) == whole(OFFER.content)


def test_a_disk_that_fills_up_leaves_no_blob_of_the_batch(blobs: FolderBlobs, root: Path) -> None:
    def put_on_a_full_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # EFBIG instead, as ENOSPC on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        with pytest.raises(StorageError) as caught:
            blobs.put([OFFER, LARGE])
        assert "room" in caught.value.hint

    assert in_child(put_on_a_full_disk) == 0
    assert files(root) == []
    blobs.put([OFFER, LARGE])
    assert blobs.get(LARGE.sha256) == whole(LARGE.content)


def test_a_file_in_the_way_of_a_folder_leaves_no_blob_of_the_batch(blobs: FolderBlobs, root: Path) -> None:
    root.mkdir(parents=True)
    (root / LARGE.sha256[:2]).write_text("in the way")
    with pytest.raises(StorageError) as caught:
        blobs.put([OFFER, LARGE])
    assert caught.value.storage == f"file:{root}"
    assert files(root) == [LARGE.sha256[:2]]


def test_a_folder_in_the_way_of_a_blob_leaves_nothing_temporary(blobs: FolderBlobs, root: Path) -> None:
    blobs.path(OFFER.sha256).mkdir(parents=True)
    with pytest.raises(StorageError):
        blobs.put([OFFER])
    assert files(root) == []


def test_a_folder_that_may_not_be_written_is_told(root: Path) -> None:
    root.mkdir(parents=True)
    root.chmod(0o500)

    def put_as_a_stranger() -> None:
        os.chdir(root.parent)  # the folders above are none of a stranger's business
        if os.geteuid() == 0:
            os.setuid(pwd.getpwnam("nobody").pw_uid)
        blobs = FolderBlobs(Path(root.name))
        for act in (blobs.check, lambda: blobs.put([OFFER])):
            with pytest.raises(StorageError):
                act()

    assert in_child(put_as_a_stranger) == 0
    assert files(root) == []


def test_reads_a_blob_in_pieces(blobs: FolderBlobs) -> None:
    content = bytes(range(256)) * (PIECE_OCTETS // 128) + b"the rest"
    for each in (blob(content), blob(b"")):
        blobs.put([each])
        pieces = list(blobs.pieces(each.sha256))
        assert b"".join(pieces) == whole(each.content)
        assert [len(piece) for piece in pieces] == [PIECE_OCTETS, PIECE_OCTETS, 8][: 3 * bool(pieces)]


def test_reads_what_is_there_whatever_its_hash(blobs: FolderBlobs) -> None:
    blobs.put([OFFER])
    blobs.path(OFFER.sha256).write_bytes(b"damaged")
    assert list(blobs.pieces(OFFER.sha256)) == [b"damaged"]


def test_a_blob_that_is_not_there_is_an_error(blobs: FolderBlobs) -> None:
    for read in (blobs.get, lambda sha256: next(blobs.pieces(sha256))):
        with pytest.raises(StorageError) as caught:
            read(OFFER.sha256)
        assert caught.value.what == f"there is no blob {OFFER.sha256}"
        assert "backup" in caught.value.hint


def test_a_blob_that_cannot_be_read_is_an_error_that_speaks_of_reading(blobs: FolderBlobs) -> None:
    blobs.path(OFFER.sha256).mkdir(parents=True)
    with pytest.raises(StorageError) as caught:
        next(blobs.pieces(OFFER.sha256))
    assert "may read" in caught.value.hint


def test_lists_what_is_stored_ascending_and_nothing_else(blobs: FolderBlobs, root: Path) -> None:
    assert list(blobs.stored()) == []
    contents = [blob(f"{number}".encode()) for number in range(20)]
    blobs.put(contents)
    os.utime(blobs.path(contents[0].sha256), (LONG_AGO, LONG_AGO))
    place = blobs.path(contents[0].sha256)
    for other in (
        root / "README",
        root / "zz" / "zz" / contents[1].sha256,
        root / "00" / "00" / contents[2].sha256,
        place.with_name(f".{contents[3].sha256}.x.tmp"),
        place.with_name(f"{contents[0].sha256}.bak"),
    ):
        other.parent.mkdir(parents=True, exist_ok=True)
        other.write_text("another's")
    listed = list(blobs.stored())
    assert [each.sha256 for each in listed] == sorted(each.sha256 for each in contents)
    assert {each.size_octets for each in listed} == {1, 2}
    ages = {each.sha256: each.stored_at for each in listed}
    assert ages.pop(contents[0].sha256) == datetime.fromtimestamp(LONG_AGO, UTC)
    assert all(datetime.now(UTC) - age < timedelta(hours=1) for age in ages.values())


def test_does_not_look_into_folders_of_others(blobs: FolderBlobs, root: Path) -> None:
    blobs.put([OFFER])
    (root / "lost+found").mkdir(mode=0o000)

    def list_as_a_stranger() -> None:
        os.chdir(root)
        for folder in (root, root / OFFER.sha256[:2], root / OFFER.sha256[:2] / OFFER.sha256[2:4]):
            folder.chmod(0o755)
        if os.geteuid() == 0:
            os.setuid(pwd.getpwnam("nobody").pw_uid)
        strangers = FolderBlobs(Path())
        assert [each.sha256 for each in strangers.stored()] == [OFFER.sha256]
        assert strangers.remove_leftovers(datetime.now(UTC)) == 0

    assert in_child(list_as_a_stranger) == 0


def test_removes_blobs_whether_they_are_there_or_not(blobs: FolderBlobs) -> None:
    blobs.put([OFFER, LARGE])
    blobs.remove([OFFER.sha256, blob(b"never put").sha256])
    blobs.remove([OFFER.sha256])
    blobs.remove([])
    assert [each.sha256 for each in blobs.stored()] == [LARGE.sha256]


def test_removes_what_was_left_half_written_long_ago_and_nothing_of_others(
    blobs: FolderBlobs, root: Path
) -> None:
    blobs.put([OFFER])
    place = blobs.path(OFFER.sha256)
    leftover = place.with_name(f".{OFFER.sha256}.a_b12cd3.tmp")
    young = place.with_name(f".{OFFER.sha256}.b_b12cd3.tmp")
    others = [place.with_name(".backup.tmp"), place.with_name(f"{OFFER.sha256}.tmp"), root / leftover.name]
    for each in (leftover, young, *others):
        each.write_text("half")
    for each in (leftover, *others, place):
        os.utime(each, (LONG_AGO, LONG_AGO))
    a_day_ago = datetime.now(UTC) - timedelta(days=1)
    assert blobs.remove_leftovers(a_day_ago) == 1
    assert blobs.remove_leftovers(a_day_ago) == 0
    assert not leftover.exists()
    assert all(each.exists() for each in (young, *others, place))


def test_what_a_writer_that_is_killed_leaves_is_a_leftover(blobs: FolderBlobs, root: Path) -> None:
    def be_killed() -> None:
        vars(folder_blobs)["flush_side_by_side"] = lambda _paths: os.kill(os.getpid(), signal.SIGKILL)
        blobs.put([OFFER, replace(LARGE, is_original=True)])

    assert in_child(be_killed) == -signal.SIGKILL
    assert len(files(root)) == 2
    assert list(blobs.stored()) == []
    assert blobs.remove_leftovers(datetime.now(UTC) + timedelta(seconds=1)) == 2
    assert files(root) == []


def test_replaces_a_blob_of_the_same_size_with_other_content(blobs: FolderBlobs) -> None:
    for position in (0, len(LARGE.content) // 2, len(LARGE.content) - 1):
        blobs.put([LARGE])
        content = bytearray(whole(LARGE.content))
        content[position] ^= 1
        blobs.path(LARGE.sha256).write_bytes(content)
        blobs.put([LARGE])
        assert blobs.get(LARGE.sha256) == whole(LARGE.content)


def test_a_check_leaves_nothing_behind(blobs: FolderBlobs, root: Path, tmp_path: Path) -> None:
    blobs.check()
    assert list(tmp_path.iterdir()) == []
    blobs.put([OFFER])
    before = files(root)
    blobs.check()
    assert files(root) == before


def test_a_check_fails_where_a_blob_could_not_be_stored(blobs: FolderBlobs, root: Path) -> None:
    root.parent.write_text("in the way")
    with pytest.raises(StorageError):
        blobs.check()


def test_two_processes_put_the_same_blobs_at_once(blobs: FolderBlobs, root: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(2)
    processes = [context.Process(target=put_rounds, args=(blobs, barrier)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(TIMEOUT_S)
        process.kill()
    assert [process.exitcode for process in processes] == [0, 0]
    assert all(blobs.get(Path(name).name) for name in files(root))
    assert len(files(root)) == 50


def put_rounds(blobs: FolderBlobs, barrier: Barrier) -> None:
    for number in range(50):
        barrier.wait(TIMEOUT_S)
        blobs.put([blob(f"{number}".encode())])


def test_two_of_the_same_process_number_put_the_same_blobs_at_once(blobs: FolderBlobs, root: Path) -> None:
    """As from two containers on one volume, each with process numbers of its own."""
    barrier = ThreadBarrier(2)
    contents = [blob(bytes([number]) * 1_000_000) for number in range(20)]

    def put() -> None:
        for each in contents:
            barrier.wait(TIMEOUT_S)
            blobs.put([each])
            assert blobs.get(each.sha256) == whole(each.content)

    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(put) for _ in range(2)]:
            future.result(TIMEOUT_S)
    assert len(files(root)) == len(contents)


@pytest.mark.parametrize("url", ["", "file:", "file://", "/srv/blobs", "ftp://host/blobs", "crm:x"])
def test_a_url_of_no_storage_that_we_know_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_blobs(url)
    assert caught.value.setting == "storage_url"


def test_names_a_folder_by_either_form_of_its_url(tmp_path: Path) -> None:
    for url in (f"file:{tmp_path}", f"file://{tmp_path}"):
        opened = open_blobs(url)
        assert isinstance(opened, FolderBlobs)
        assert opened.url == f"file:{tmp_path}"
