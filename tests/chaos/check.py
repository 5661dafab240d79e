"""What must hold when the program was killed any number of times and then ran once to its end."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from tests.chaos.arrivals import MAILBOXES, Arrival
from tests.e2e.installation import Installation
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.errors import BlobLost

Item = TypeVar("Item")
There = Mapping[tuple[str, int], Arrival]


def check(
    installation: Installation, server: ImapServer, user: ImapUser, disposition: str, there: There
) -> None:
    """Compare rows, blobs and the server with what has arrived.

    Raises:
        AssertionError: They differ.
    """
    _check_rows(installation, there)
    _check_blobs(installation)
    _check_server(server, user, disposition, there)


def _check_rows(installation: Installation, there: There) -> None:
    files = {arrival.message_id: arrival.files for arrival in there.values()}
    rows = installation.rows(
        """SELECT message_id, attachment_count,
               (SELECT count(*) FROM attachment t WHERE t.archive_id = a.id),
               (SELECT count(*) FROM archive_contact l WHERE l.archive_id = a.id),
               (SELECT count(*) FROM archive_address d WHERE d.archive_id = a.id AND d.role = 'to'),
               (SELECT count(*) FROM processed_uid p WHERE p.archive_id = a.id AND p.outcome = 'archived')
           FROM archive a"""
    )
    _same("archives", Counter(rows), Counter((each, count, count, 1, 1, 1) for each, count in files.items()))
    ledger = installation.rows(
        """SELECT m.name, p.uid, a.message_id, p.source_sha256, p.disposed_at IS NOT NULL
           FROM processed_uid p
           JOIN mailbox_epoch e ON e.id = p.epoch_id JOIN mailbox m ON m.id = e.mailbox_id
           LEFT JOIN archive a ON a.id = p.archive_id"""
    )
    expected = Counter((*place, each.message_id, each.sha256, True) for place, each in there.items())
    _same("ledger", Counter((*row[:4], bool(row[4])) for row in ledger), expected)


def _check_blobs(installation: Installation) -> None:
    root = installation.folder / "blobs"
    named = installation.rows(
        """SELECT source_sha256 FROM archive UNION SELECT source_sha256 FROM processed_uid
           UNION SELECT attachments_sha256 FROM archive WHERE attachments_sha256 IS NOT NULL"""
    )
    blobs = FolderBlobs(root)
    sound = {each.sha256 for each in blobs.stored() if _is_sound(blobs, each.sha256)}
    missing = [sha256 for (sha256,) in named if sha256 not in sound]
    assert not missing, f"blobs that are missing: {missing}"
    # A kill may leave a temporary file behind, or a blob that no row names; never half a blob.
    stored = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
    wrong = [path for path in stored if path.name.removesuffix(".zst") not in sound]
    assert not wrong, f"blobs without their hash: {wrong}"


def _check_server(server: ImapServer, user: ImapUser, disposition: str, there: There) -> None:
    arrived = Counter(arrival.message_id for arrival in there.values())
    left = sum((_message_ids(server, user, mailbox) for mailbox in MAILBOXES), Counter[str]())
    moved = _message_ids(server, user, "Archived")
    nothing: Counter[str] = Counter()
    _same("mailboxes", left, arrived if disposition == "keep" else nothing)
    _same("mailbox moved to", moved, arrived if disposition.startswith("move") else nothing)


def _message_ids(server: ImapServer, user: ImapUser, mailbox: str) -> Counter[str]:
    item = "BODY[HEADER.FIELDS (MESSAGE-ID)]"
    with server.connect(user) as client:
        client.select_folder(mailbox, readonly=True)
        answers = client.fetch(client.search(), [item.replace("[", ".PEEK[", 1)])
    fields = [answer[item.encode()].decode() for answer in answers.values()]
    return Counter(field.partition("<")[2].partition(">")[0] for field in fields)


def _same(what: str, found: Counter[Item], expected: Counter[Item]) -> None:
    missing, surplus = list((expected - found).items())[:5], list((found - expected).items())[:5]
    assert not missing, f"{what}: missing {missing}, surplus {surplus}"
    assert not surplus, f"{what}: surplus {surplus}"


def _is_sound(blobs: FolderBlobs, sha256: str) -> bool:
    try:
        return hashlib.sha256(blobs.get(sha256)).hexdigest() == sha256
    except BlobLost:
        return False
