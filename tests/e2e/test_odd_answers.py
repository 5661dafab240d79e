"""Servers that answer as they should not: no message is lost, archived as another, or in the others' way."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import pytest
from tests.e2e.answers import backwards, in_sets_only, lines, nothing, refusing, replaced, without
from tests.e2e.installation import Installation
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot
from tests.servers.proxy import Change, Proxy

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite_url"], indirect=True),
    pytest.mark.usefixtures("no_pauses"),
]

TIME_HAS_COME = "UPDATE processed_uid SET next_attempt_at = '2020-01-01 00:00:00+00:00'"
RECEIVED_AT = "2026-10-05 07:30:00"

UIDS = {2, 4, 5, 6}
"""None is its message's sequence number: 2 would be that of 4."""

SEARCH, SUMMARY, BODY = b" UID SEARCH ", b" (RFC822.SIZE", b" (BODY.PEEK[]"
A_DATE = rb' INTERNALDATE "[^"]*"'
A_BODY = rb"BODY\[\]\S* \{\d+\}\r\n.*\)\r\n\Z"


def untold_of(_command: bytes, answer: bytes) -> bytes:
    """What happens to other messages meanwhile, between the lines."""
    news = b"* 2 FETCH (FLAGS (\\Seen))\r\n* 9 EXISTS\r\n* 3 FETCH (UID 5 FLAGS ())\r\n* 0 RECENT\r\n"
    return b"".join(news + line for line in lines(answer))


def capped(_command: bytes, answer: bytes) -> bytes:
    """Two matches at most, the lowest."""
    return b"".join(
        b" ".join(line.split()[:4]) + b"\r\n" if line.startswith(b"* SEARCH") else line
        for line in lines(answer)
    )


ANSWERS: Mapping[str, tuple[bytes, Change, set[int]]] = {
    "body: NO where one of them is asked for": (BODY, refusing(b"NO Fetch failed", uid=4), {4}),
    "body: BAD where one of them is asked for": (BODY, refusing(b"BAD Fetch failed", uid=4), {4}),
    "body: one is left out of many": (BODY, in_sets_only(without(4)), set()),
    "body: one is never there": (BODY, without(4), {4}),
    "body: one comes without": (BODY, replaced(A_BODY, b"FLAGS ())\r\n", uid=4), {4}),
    "body: one is NIL": (BODY, replaced(A_BODY, b"BODY[] NIL)\r\n", uid=4), {4}),
    "body: one is a number": (BODY, replaced(A_BODY, b"BODY[] 5)\r\n", uid=4), {4}),
    "body: one is in no grammar": (BODY, replaced(rb"\(UID", b"UID", uid=4), {4}),
    "body: one has no UID": (BODY, replaced(rb"UID \d+ ", b"", uid=4), {4}),
    "body: none has a UID": (BODY, replaced(rb"\(UID \d+ ", b"("), UIDS),
    "body: one is said to be another": (BODY, replaced(rb"UID 4", b"UID 9", uid=4), {4}),
    "body: without INTERNALDATE": (BODY, replaced(A_DATE, b""), set()),
    "body: UID and FLAGS at the end": (
        BODY,
        replaced(rb"\(UID (\d+) (.*)\)\r\n\Z", rb"(\2 UID \1 FLAGS (\\Seen))\r\n"),
        set(),
    ),
    "body: backwards": (BODY, backwards, set()),
    "body: with news of others": (BODY, untold_of, set()),
    "body: OK and nothing": (BODY, nothing, UIDS),
    "summary: NO where one of them is asked for": (SUMMARY, refusing(b"NO Fetch failed", uid=4), {4}),
    "summary: one is left out of many": (SUMMARY, in_sets_only(without(4)), set()),
    "summary: one is never there": (SUMMARY, without(4), {4}),
    "summary: without RFC822.SIZE": (SUMMARY, replaced(rb" RFC822.SIZE \d+", b""), set()),
    "summary: RFC822.SIZE beyond 64 bits": (SUMMARY, replaced(rb"SIZE \d+", b"SIZE %d" % 2**64), set()),
    "summary: RFC822.SIZE below zero": (SUMMARY, replaced(rb"SIZE \d+", b"SIZE -1"), set()),
    "summary: RFC822.SIZE of no number": (SUMMARY, replaced(rb"SIZE \d+", b"SIZE NIL"), set()),
    "summary: without INTERNALDATE": (SUMMARY, replaced(A_DATE, b""), set()),
    "summary: backwards": (SUMMARY, backwards, set()),
    "summary: with news of others": (SUMMARY, untold_of, set()),
    "summary: none has a UID": (SUMMARY, replaced(rb"\(UID \d+ ", b"("), UIDS),
    "summary: OK and nothing": (SUMMARY, nothing, UIDS),
    "search: unsorted and twice": (SEARCH, replaced(rb"SEARCH \d.*\r", b"SEARCH 6 2 5 2 4\r"), set()),
    "search: in several lines": (
        SEARCH,
        replaced(rb"SEARCH \d.*\r", b"SEARCH 2 4\r\n* SEARCH 5 6\r"),
        set(),
    ),
    "search: the first two only": (SEARCH, capped, set()),
    "search: OK and nothing": (SEARCH, nothing, set()),
    "search: words": (SEARCH, replaced(rb"SEARCH \d.*\r", b"SEARCH two four\r"), set()),
    "search: other UIDs too": (SEARCH, replaced(rb"SEARCH \d.*\r", b"SEARCH 2 4 5 6 7\r"), set()),
}


@pytest.mark.parametrize(("command", "change", "aside"), ANSWERS.values(), ids=ANSWERS.keys())
def test_each_message_is_archived_as_itself_or_set_aside(
    behind: Installation, dovecot: Dovecot, between: Proxy, command: bytes, change: Change, aside: set[int]
) -> None:
    sources = deliver(behind, dovecot)
    between.change(command, change)

    run = behind.run_here("run")

    assert run.returncode == (75 if aside else 0), run.stderr
    assert archived(behind) == hashes(sources, UIDS - aside)
    assert behind.rows("SELECT uid FROM processed_uid WHERE outcome = 'quarantined' ORDER BY uid") == [
        (uid,) for uid in sorted(aside)
    ]
    assert behind.rows("SELECT DISTINCT substr(received_at, 1, 19) FROM archive") in ([], [(RECEIVED_AT,)])

    between.heal()
    behind.execute(TIME_HAS_COME)
    assert behind.run_here("run").returncode == 0
    assert archived(behind) == hashes(sources, UIDS)
    assert behind.rows("SELECT count(*) FROM archive") == [(len(UIDS),)]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b" INTERNALDATE NIL",
        b" INTERNALDATE 5",
        b' INTERNALDATE ""',
        b' INTERNALDATE "yesterday"',
        b' INTERNALDATE "32-Oct-2026 07:30:00 +0000"',
        b' INTERNALDATE " 5-Oct-2026 07:30:00 +9999"',
        b' INTERNALDATE " 5-Oct-2026 07:30:00 +99999999999999999999"',
        b' INTERNALDATE "31-Dec-9999 23:59:59 -1200"',
        b' INTERNALDATE " 5-Oct-99999 07:30:00 +0000"',
    ],
)
def test_a_date_that_is_none_is_not_made_up(
    behind: Installation, dovecot: Dovecot, between: Proxy, said: bytes
) -> None:
    sources = deliver(behind, dovecot)
    for command in (SUMMARY, BODY):
        between.change(command, replaced(A_DATE, said))

    run = behind.run_here("run")

    assert run.returncode == 0, run.stderr
    assert archived(behind) == hashes(sources, UIDS)
    assert behind.rows("SELECT DISTINCT received_at FROM archive") == [(None,)]


@pytest.mark.parametrize("said", [b"nonsense", b"-1", b"", b"1 2"])
def test_a_uidvalidity_of_no_number_ends_the_account_and_nothing_else(
    behind: Installation, dovecot: Dovecot, between: Proxy, said: bytes
) -> None:
    sources = deliver(behind, dovecot)
    between.change(b" EXAMINE ", replaced(rb"UIDVALIDITY \d+", b"UIDVALIDITY " + said))

    run = behind.run_here("run")

    assert run.returncode in (0, 69), run.stderr
    between.heal()
    assert behind.run_here("run").returncode == 0
    assert behind.rows("SELECT count(*) FROM archive") == [(len(UIDS),)]
    assert {source for (source,) in behind.rows("SELECT source_sha256 FROM archive")} == set(
        hashes(sources, UIDS).values()
    )


def deliver(installation: Installation, dovecot: Dovecot) -> dict[int, bytes]:
    """Messages with the UIDs of `UIDS`; by UID."""
    sources = {uid: mail(f"Message {uid}", text=f"{uid}\r\n" * uid) for uid in range(1, max(UIDS) + 1)}
    for source in sources.values():
        dovecot.deliver(installation.user, source, received_at=datetime.fromisoformat(f"{RECEIVED_AT}Z"))
    with dovecot.connect(installation.user) as client:
        client.select_folder("INBOX")
        client.delete_messages([uid for uid in sources if uid not in UIDS])
        client.expunge()
    assert set(dovecot.uids(installation.user)) == UIDS
    return sources


def archived(installation: Installation) -> dict[int, str]:
    """The original of each message that was archived, by UID."""
    query = "SELECT uid, source_sha256 FROM processed_uid WHERE outcome = 'archived'"
    return dict(map(tuple, installation.rows(query)))


def hashes(sources: Mapping[int, bytes], uids: set[int]) -> dict[int, str]:
    """What the originals should be, by UID."""
    return {uid: hashlib.sha256(sources[uid]).hexdigest() for uid in uids}
