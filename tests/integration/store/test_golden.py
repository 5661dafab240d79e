"""Whatever a message holds, both databases keep it, the same, and as it was read."""

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.integration.store.messages import MIXED, begin_epoch, draft_bytes, record, source
from tests.integration.store.sql import Sql

from mail_archiver.domain.address import Role
from mail_archiver.domain.draft import Draft
from mail_archiver.domain.message import Message
from mail_archiver.domain.outcome import Outcome
from mail_archiver.domain.threading import thread_keys
from mail_archiver.store.store import Store
from mail_archiver.store.tables import archive, archive_address, attachment, delivery_report, thread_message

CORPUS = Path(__file__).parents[2] / "corpus"
TABLES = (archive, archive_address, attachment, delivery_report, thread_message)
ODD = "\U0010ffff \U0001f600 \u200f\u202eabc\u202c \ue000 \uf8ff \ufeff \ufffd \u2028 é e\u0301 ﷽"
"""The last character there is, marks that change the direction, private use, a separator, combining marks."""


def word(content: str | bytes) -> str:
    """An encoded word (RFC 2047)."""
    octets = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return f"=?utf-8?B?{base64.b64encode(octets).decode()}?="


def encoded(content: bytes, charset: str, **headers: str) -> bytes:
    """A message whose text is in base64."""
    transfer = {"Content-Type": f"text/plain; charset={charset}", "Content-Transfer-Encoding": "base64"}
    return source({**transfer, **headers}, base64.encodebytes(content).decode())


def part(*headers: str) -> str:
    return "\r\n".join(["--b", *headers, "", "content", "--b--"])


NUL = "pl\0anted"
SURROGATES = (b"a\xed\xa0\x80b", b"a\xed\xa0\xbd\xed\xb8\x80b", b"\xed\xbf\xbf")  # WTF-8, CESU-8
SOURCES: dict[str, bytes] = {
    "NUL in the text": encoded(NUL.encode(), "utf-8"),
    "NUL in HTML": encoded(f"<p>{NUL}</p>".encode(), "utf-8").replace(b"text/plain", b"text/html"),
    "NUL in UTF-16": encoded(NUL.encode("utf-16"), "utf-16"),
    "NUL as it is": source().replace(b"As agreed.", b"As\0agreed.").replace(b"Offer", b"Off\0er"),
    "NUL in the header": source(
        {
            "Subject": word(NUL),
            "From": f"{word(NUL)} <eve@example.com>",
            "To": f"{word(NUL)} <ann@client.example>, {word(NUL)}",
            "List-Id": f"{word(NUL)} <list.example.com>",
        }
    ),
    "NUL in a file's name": source(
        MIXED,
        part(
            "Content-Type: application/pdf",
            f'Content-Disposition: attachment; filename="{word(NUL + ".pdf")}"',
        ),
    ),
    "NUL in a file's name as in RFC 2231": source(
        MIXED, part("Content-Disposition: attachment; filename*=utf-8''pl%00anted%ED%A0%80.pdf")
    ),
    "NUL in identifiers": source().replace(
        b"<offer@example.com>", b"<off\0er\xff@example.com>\r\nReferences: <a\0b\xff@example.com>"
    ),
    "surrogates in UTF-7": encoded(b"a+2AA-b+3gA-c+2D3eAA-", "utf-7"),
    **{
        f"surrogates in UTF-8, {number}": encoded(octets, "utf-8", Subject=word(octets))
        for number, octets in enumerate(SURROGATES)
    },
    "surrogates in UTF-16": encoded(b"\xff\xfea\x00\x00\xd8b\x00", "utf-16"),
    "surrogates as references": encoded(b"<p>a&#xD800;b&#0;c&#55357;</p>", "utf-8").replace(
        b"text/plain", b"text/html"
    ),
    "surrogates in a name and in a file's name": source(
        {**MIXED, "To": f"{word(SURROGATES[0])} <ann@client.example>"},
        part(f'Content-Disposition: attachment; filename="{word(SURROGATES[1])}"'),
    ),
    "odd characters": encoded(
        ODD.encode(),
        "utf-8",
        Subject=word(ODD),
        To=f"{word(ODD)} <ann@client.example>",
        **{"List-Id": word(ODD)},
    ),
    "odd characters in a file's name": source(
        MIXED, part(f'Content-Disposition: attachment; filename="{word(ODD)}"')
    ),
    "octets that are no text": encoded(bytes(range(256)) * 4, "utf-8", Subject=word(bytes(range(256)))),
    "line ends": encoded(b"a\r\nb\rc\nd\r\r\ne\n\rf\x0b\x0c\x1c\x85", "iso-8859-1"),
    "line ends in HTML": encoded(b"<p>a\r\nb\rc\nd</p>\r", "utf-8").replace(b"text/plain", b"text/html"),
    "a Message-ID of 100 kB": source({"Message-ID": f"<{'x' * 100_000}@example.com>"}),
    "References of 200 kB": source(
        {"References": "\r\n ".join(f"<{number:08}@example.com>" for number in range(9_000))}
    ),
    "a subject of 100 kB": source({"Subject": "x" * 100_000}),
    "a subject of 100 kB in many words": source({"Subject": "\r\n ".join([word("é" * 20)] * 2_000)}),
    "an address of 100 kB": source({"To": f"{'x' * 100_000}@client.example, Bob <b@{'y' * 100_000}>"}),
    "a name of 100 kB": source({"From": f'"{"x" * 100_000}" <eve@example.com>'}),
    "a file's name of 100 kB": source(
        MIXED, part(f'Content-Disposition: attachment; filename="{"x" * 100_000}.pdf"')
    ),
    "3,500 recipients": source(
        {"Cc": ",\r\n ".join(f"Röbert {n} <r{n}@client.example>" for n in range(3_500))}
    ),
    "the year 1": source({"Date": "Mon, 01 Jan 0001 00:00:00 +0000"}),
    "before the year 1": source({"Date": "Mon, 01 Jan 0001 00:00:00 +1400"}),
    "the year 9999": source({"Date": "Fri, 31 Dec 9999 23:59:59 +0000"}),
    "after the year 9999": source({"Date": "Fri, 31 Dec 9999 23:59:59 -1200"}),
    "a zone of seconds": source({"Date": "Mon, 06 May 2024 09:00:00 +013045"}),
    "nothing": b"",
    "a NUL and nothing else": b"\0",
}


@pytest.fixture
def stores(copied_sqlite_url: str, emptied_postgres_url: str) -> list[tuple[Store, Sql]]:
    """Both databases."""
    return [(Store(url), Sql(url)) for url in (copied_sqlite_url, emptied_postgres_url)]


def write(stores: list[tuple[Store, Sql]], sources: list[bytes]) -> list[Draft]:
    """Record messages of these sources on both; none is refused."""
    drafts = [draft_bytes(uid, content) for uid, content in enumerate(sources, start=1)]
    for store, _ in stores:
        recorded = record(store, begin_epoch(store), *drafts)
        assert {each.outcome for each in recorded} == {Outcome.ARCHIVED}
        store.close()
    return drafts


def content(sql: Sql) -> dict[str, list[dict[str, Any]]]:
    """All rows of all columns."""
    found = {}
    for table in TABLES:
        rows = sql.rows(sa.select(table).order_by(*table.primary_key))
        found[table.name] = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
    # The same collation as SQLite's, wherever PostgreSQL has its own.
    found["archive_address"].sort(key=lambda row: (row["archive_id"], row["role"], row["position"]))
    found["thread_message"].sort(key=lambda row: row["message_key"])
    return found


def expected_archive(draft: Draft) -> dict[str, Any]:
    """What the table says of a message that is the only one of its thread."""
    message: Message = draft.message
    return {
        "fingerprint": message.fingerprint,
        "message_id": message.message_id,
        "kind": message.kind,
        "list_id": message.list_id,
        "auto_submitted": message.auto_submitted,
        "subject": message.subject,
        "sender": message.sender.address if message.sender else None,
        "sent_at": message.sent_at,
        "received_at": draft.received_at,
        "direction": draft.direction,
        "body_text": message.body_text,
        "body_html": message.body_html,
        "size_octets": message.size_octets,
        "source_sha256": message.source_sha256,
        "attachment_count": sum(not file.inline for file in message.attachments),
        "attachments_name": draft.attachments_name,
        "attachments_sha256": draft.attachments_sha256,
        "defects": [{"code": d.code, "where": d.where, "action": d.action} for d in message.defects],
    }


def check(draft: Draft, there: dict[str, list[dict[str, Any]]]) -> None:
    """Every column of a message's rows says what the message says."""
    [row] = [row for row in there["archive"] if row["fingerprint"] == draft.message.fingerprint]
    expected = expected_archive(draft)
    assert {name: row[name] for name in expected} == expected
    assert row.keys() - expected.keys() == {"id", "archived_at", "thread_id"}
    threads = {each["message_key"]: each["thread_id"] for each in there["thread_message"]}
    assert {threads[key] for key in thread_keys(draft.message)} == {row["thread_id"]}

    positions: dict[Role, int] = {}
    addresses = {}
    for address in draft.message.addresses:
        positions[address.role] = position = positions.get(address.role, -1) + 1
        addresses[address.role, position] = (address.display_name, address.address, address.normalized)
    assert {
        (each["role"], each["position"]): (each["display_name"], each["address"], each["normalized"])
        for each in there["archive_address"]
        if each["archive_id"] == row["id"]
    } == addresses
    assert values(there["attachment"], row["id"]) == [
        [n, f.filename, f.safe_name, f.content_type, len(f.content), f.sha256, f.inline, f.within]
        for n, f in enumerate(draft.message.attachments)
    ]
    assert values(there["delivery_report"], row["id"]) == [
        [n, r.recipient, r.normalized, r.action, r.status, r.message_id]
        for n, r in enumerate(draft.message.delivery_reports)
    ]


def values(rows: list[dict[str, Any]], archive_id: int) -> list[list[Any]]:
    """Those of an archive, without its id, in the order of the columns."""
    return [list(each.values())[1:] for each in rows if each["archive_id"] == archive_id]


@pytest.mark.parametrize("name", SOURCES)
def test_whatever_a_message_holds_is_kept_the_same_by_both(
    stores: list[tuple[Store, Sql]], name: str
) -> None:
    [draft] = write(stores, [SOURCES[name]])
    on_sqlite, on_postgresql = (content(sql) for _, sql in stores)
    check(draft, on_sqlite)
    assert on_sqlite == on_postgresql


def test_a_whole_corpus_in_one_batch_is_kept_the_same_by_both(stores: list[tuple[Store, Sql]]) -> None:
    sources = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml"))]
    drafts = write(
        stores, list({draft_bytes(1, each).message.fingerprint: each for each in sources}.values())
    )
    on_sqlite, on_postgresql = (content(sql) for _, sql in stores)
    assert len(drafts) == len(on_sqlite["archive"]) > 50
    for draft in drafts:
        check(draft, on_sqlite)
    for table in on_sqlite:
        assert on_sqlite[table] == on_postgresql[table]


def test_these_sources_bring_what_they_are_named_after() -> None:
    """Else the tests above would show nothing."""
    read = {name: draft_bytes(1, octets).message for name, octets in SOURCES.items()}
    defects = {name: {defect.code.value for defect in message.defects} for name, message in read.items()}
    assert [n for n in SOURCES if n.startswith("NUL") and not defects[n]] == []
    assert [n for n in SOURCES if n.startswith("surrogates in U") and not defects[n]] == []
    assert read["odd characters"].subject is not None
    assert all(each in read["odd characters"].subject for each in "\U0010ffff\u202e\ue000")
    assert len(read["a Message-ID of 100 kB"].message_id or "") > 100_000
    assert len(read["References of 200 kB"].references) == 9_000
    assert len(read["a subject of 100 kB"].subject or "") == 100_000
    assert max(len(each.address) for each in read["an address of 100 kB"].addresses) > 100_000
    assert len(read["3,500 recipients"].addresses) > 3_500
    assert read["the year 9999"].sent_at == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
