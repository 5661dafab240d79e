"""Which blobs the rows name."""

import pytest
from tests.integration.store.messages import (
    MIXED,
    NOW,
    OTHER_KEY,
    PARTS,
    RECEIVED_AT,
    begin_epoch,
    draft,
    numbered,
    record,
)
from tests.integration.store.sql import Sql

from mail_archiver.domain.draft import Draft
from mail_archiver.domain.fetch_plan import MessageSummary
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.store import blob_names
from mail_archiver.store.dialect import ROWS_A_STATEMENT
from mail_archiver.store.store import Store

KEPT = "ab" * 32
TEXT = """--b

As agreed.
--b
Content-Disposition: attachment; filename="a.txt"
Content-Transfer-Encoding: base64

YQ0KYg==
--b--"""


def original(recorded: Draft) -> str:
    return recorded.message.source_sha256


def attachment_file(recorded: Draft) -> str:
    assert recorded.attachments_sha256 is not None
    return recorded.attachments_sha256


def quarantine(store: Store, epoch: Epoch, uid: int, sha256: str | None, *, file: str | None = None) -> None:
    with store.transaction() as uow:
        uow.ledger.quarantine(
            epoch,
            MessageSummary(uid, 1, RECEIVED_AT),
            "a reason",
            NOW,
            source_sha256=sha256,
            attachments_sha256=file,
        )


def names(store: Store) -> list[str]:
    with store.reading() as uow:
        return list(uow.blob_names.all())


def test_names_originals_attachment_files_and_what_was_kept_of_quarantined_messages(store: Store) -> None:
    epoch = begin_epoch(store)
    plain, mixed = draft(1), draft(2, {**MIXED, "Message-ID": "<2@example.com>"}, PARTS)
    record(store, epoch, plain, mixed)
    quarantine(store, epoch, 3, KEPT)
    quarantine(store, epoch, 4, None)
    assert names(store) == sorted([original(plain), original(mixed), attachment_file(mixed), KEPT])


def test_names_the_original_of_each_road_once(store: Store) -> None:
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    first, second = draft(1), draft(1, {"X-Road": "another"})
    record(store, epoch, first)
    record(store, other, second)
    record(store, other, draft(2))
    assert names(store) == sorted([original(first), original(second)])
    with store.reading() as uow:
        assert uow.blob_names.archives(original(first)) == [1]
        assert uow.blob_names.archives(original(second)) == [1], "the one that it is a duplicate of"


def test_names_the_attachment_file_of_each_road_that_has_another(store: Store) -> None:
    """Line ends do not count for the fingerprint; the attachment file has them as they came."""
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    first, second = draft(1, MIXED, TEXT), draft(1, MIXED, TEXT.replace("YQ0KYg==", "YQpi"))
    assert first.message.fingerprint == second.message.fingerprint
    assert attachment_file(first) != attachment_file(second)
    record(store, epoch, first)
    record(store, other, second)
    expected = [original(first), original(second), attachment_file(first), attachment_file(second)]
    assert names(store) == sorted(expected)
    with store.reading() as uow:
        assert uow.blob_names.missing(expected) == []
        assert uow.blob_names.archives(attachment_file(second)) == [1]
        assert original(second) in uow.blob_names.originals_of_attachments(attachment_file(second))


def test_names_the_attachment_file_of_a_quarantined_message_until_it_is_archived(store: Store) -> None:
    epoch, mixed = begin_epoch(store), draft(1, MIXED, PARTS)
    quarantine(store, epoch, 1, original(mixed), file="cd" * 32)
    quarantine(store, epoch, 1, None)
    assert names(store) == sorted([original(mixed), "cd" * 32]), "an attempt without it leaves it"
    quarantine(store, epoch, 1, KEPT, file=None)
    assert names(store) == [KEPT], "its own file goes with an original"
    quarantine(store, epoch, 1, original(mixed), file="cd" * 32)
    record(store, epoch, mixed)
    assert names(store) == sorted([original(mixed), attachment_file(mixed)])


def test_nothing_is_named_in_an_empty_archive(store: Store) -> None:
    assert names(store) == []
    with store.reading() as uow:
        assert uow.blob_names.missing([]) == []
        assert uow.blob_names.archives(KEPT) == []


def test_other_statements_run_while_it_is_in_the_middle_of_the_names(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_names, "ROWS_A_FETCH", 1)
    epoch = begin_epoch(store)
    record(store, epoch, *(numbered(uid, uid) for uid in range(1, 4)))
    with store.reading() as uow:
        found = uow.blob_names.all()
        first = next(found)
        assert uow.blob_names.archives(first)
        assert len({first, *found}) == 3


def test_tells_which_of_many_hashes_nobody_names(store: Store) -> None:
    epoch = begin_epoch(store)
    record(store, epoch, mixed := draft(1, MIXED, PARTS))
    quarantine(store, epoch, 2, KEPT)
    strangers = [f"{number:064x}" for number in range(ROWS_A_STATEMENT + 1)]
    with store.reading() as uow:
        asked = [KEPT, *strangers, original(mixed), attachment_file(mixed)]
        assert uow.blob_names.missing(asked) == strangers


def test_tells_where_an_original_came_from_and_what_was_made_of_it(store: Store) -> None:
    epoch, other = begin_epoch(store), begin_epoch(store, OTHER_KEY)
    record(store, epoch, mixed := draft(7, MIXED, PARTS))
    record(store, other, draft(9, MIXED, PARTS))
    quarantine(store, epoch, 3, KEPT)
    with store.reading() as uow:
        assert uow.blob_names.uids_of_originals(epoch, [original(mixed), KEPT]) == [3, 7]
        assert uow.blob_names.uids_of_originals(other, [original(mixed), KEPT]) == [9]
        assert uow.blob_names.uids_of_originals(epoch, []) == []
        assert uow.blob_names.originals_of_attachments(attachment_file(mixed)) == [original(mixed)]
        assert uow.blob_names.originals_of_attachments(original(mixed)) == []
        assert uow.blob_names.archives(attachment_file(mixed)) == [1]
        assert uow.blob_names.archives(KEPT) == []


def test_is_ascending_by_bytes_whatever_the_database_sorts_by(store: Store, sql: Sql) -> None:
    epoch = begin_epoch(store)
    for uid, sha256 in enumerate(("a" * 64, "1" * 64, "f" * 64, "0" * 64), start=1):
        quarantine(store, epoch, uid, sha256)
    assert names(store) == sorted(names(store))
