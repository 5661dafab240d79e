"""Threads: which archives are one conversation, and every Message-ID by which the next one will be found."""

from collections.abc import Collection, Sequence
from functools import cache
from itertools import chain

import sqlalchemy as sa

from mail_archiver.domain.draft import Draft
from mail_archiver.domain.threading import decide_threads, thread_keys
from mail_archiver.store.dialect import one_of, portions
from mail_archiver.store.rows import insert_rows, replace_values
from mail_archiver.store.tables import archive, thread_message

HOLD_LIMIT_MS = 60_000
"""How long a transaction may be idle once it has the lock: a machine that dies then must not stop others."""

_LOCK = 0x6D61696C_74687264  # "mailthrd"
_TAKE_TURN = "SELECT set_config('idle_in_transaction_session_timeout', %s, true), pg_advisory_xact_lock(%s)"


def first_guess(draft: Draft) -> str:
    """The thread of a message as far as the message itself tells: right unless others know better."""
    return thread_keys(draft.message)[0]


def thread_archives(
    connection: sa.Connection, drafts: Sequence[Draft], ids: dict[str, int], first_copies: Collection[int]
) -> None:
    """Give archives that were just inserted, with `first_guess` as their thread, the thread they belong to.

    One transaction does so at a time: two threads are merged by changing rows of messages that are not in
    the batch, and locks on rows, taken as they are found, would soon wait in a circle. So this is the last
    that a batch does. It has the lock for two statements and the commit, mostly, and meanwhile waits for no
    other batch.

    Args:
        ids: Archive ids by fingerprint.
        first_copies: UIDs of the drafts that brought a new archive; the others only tell what they name.
    """
    keys = {draft.uid: thread_keys(draft.message) for draft in drafts}
    named = sorted(set(chain.from_iterable(keys.values())))
    _wait_for_turn(connection)
    known = _known_threads(connection, named)
    decision = decide_threads(keys.values(), known)
    for thread_id in (thread_message.c.thread_id, archive.c.thread_id):
        replace_values(connection, thread_id, thread_id, decision.merged)
    # Only what the batch names: a thread's name stands in the table since it was first named.
    rows = [{"message_key": key, "thread_id": decision.threads[key]} for key in named if key not in known]
    insert_rows(connection, thread_message, rows)
    corrections = {
        ids[draft.message.fingerprint]: decision.threads[keys[draft.uid][0]]
        for draft in drafts
        if draft.uid in first_copies and decision.threads[keys[draft.uid][0]] != keys[draft.uid][0]
    }
    replace_values(connection, archive.c.id, archive.c.thread_id, corrections)


def _wait_for_turn(connection: sa.Connection) -> None:
    """SQLite's transactions take turns anyway."""
    if connection.dialect.name == "postgresql":
        # A statement of its own: the next one sees what the holder before us has committed.
        connection.exec_driver_sql(_TAKE_TURN, (str(HOLD_LIMIT_MS), _LOCK))


def _known_threads(connection: sa.Connection, keys: Sequence[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for portion in portions(keys):
        rows = connection.execute(_threads_of_keys(connection.dialect.name), {"keys": portion})
        known.update((row.message_key, row.thread_id) for row in rows)
    return known


@cache
def _threads_of_keys(dialect: str) -> sa.Select[tuple[str, str]]:
    columns = thread_message.c
    return sa.select(columns.message_key, columns.thread_id).where(
        one_of(dialect, columns.message_key, "keys")
    )
