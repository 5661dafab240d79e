"""Which messages an open mailbox holds: every one of them, whatever the server makes of SEARCH."""

import re
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from imapclient import IMAPClient

from mail_archiver.domain.fetch_plan import Window
from mail_archiver.domain.mailbox_state import MailboxStatus

SEARCH_WINDOW = 10_000
"""Messages searched at once: a line of a million octets breaks imaplib, and some servers cap an answer."""

_UID = re.compile(rb"\bUID (\d+)")


def list_uids_after(client: IMAPClient, uid: int, status: MailboxStatus) -> Sequence[int]:
    """The UIDs above `uid`, ascending.

    By message sequence numbers, and not by "n:*": they tell how many UIDs there must be, and some servers
    answer with the first few thousand alone. The new ones are among the last (RFC 9051 section 2.3.1.2).
    """
    new = status.exists if status.uidnext is None else min(status.uidnext - 1 - uid, status.exists)
    return [each for each in _list(client, status, status.exists - new, uid + 1) if each > uid]


def list_uids_received(client: IMAPClient, window: Window, status: MailboxStatus) -> Sequence[int]:
    """UIDs that may lie in the window, ascending.

    With a day of slack on each side: the server compares dates, in zones of its own.
    """
    since = _search_key("SINCE", window.since, timedelta(days=-1))
    before = _search_key("BEFORE", window.until, timedelta(days=2))
    return _list(client, status, 0, 1, f"{since} {before}".strip())


def search(client: IMAPClient, criteria: str) -> set[int]:
    """The UIDs that match; what the server says besides, or twice, or in several lines, does not matter."""
    lines = client._command_and_check("search", criteria, uid=True)  # noqa: SLF001 imapclient knows one line
    words = (word for line in lines for word in (line or b"").split())
    return {int(word) for word in words if word.isdigit()}


def _list(
    client: IMAPClient, status: MailboxStatus, above: int, lowest: int, criteria: str = ""
) -> Sequence[int]:
    """The UIDs of all messages after the sequence number `above` that match, from the newest down.

    Downwards, an EXPUNGE in between can show a message twice but never skip one. Where there are fewer than
    there must be, some have been expunged, or the server leaves some out, as it then would of those that
    match: from there on, all are listed by FETCH, for whoever asks to compare for himself.

    Args:
        lowest: UID down to which there is a need to look.
    """
    found = array("Q")  # eight octets a UID, whatever the mailbox holds
    for last, before in pairwise([*range(status.exists, above, -SEARCH_WINDOW), above]):
        uids = search(client, f"{before + 1}:{last}")
        if len(uids) < last - before:
            highest = min(found, default=status.uidnext or 0) - 1
            found.extend(_fetch_uids(client, lowest, highest))
            break
        matching = search(client, f"{before + 1}:{last} {criteria}") if criteria else uids
        found.extend(matching if criteria else uids)
        if min(uids) < lowest:
            break
    return sorted(set(found))


def _fetch_uids(client: IMAPClient, lowest: int, highest: int) -> Iterator[int]:
    """The UIDs from `lowest` to `highest`, by FETCH, which tells of each message that is there.

    By UIDs: a sequence number that an EXPUNGE has taken away would be an error.

    Args:
        highest: -1 where it is not known.
    """
    if highest < 0:
        highest = max(_uids_in(client, "*"), default=0)
    span = SEARCH_WINDOW
    while highest >= lowest:
        start = max(lowest, highest - span + 1)
        uids = _uids_in(client, f"{start}:{highest}")
        yield from uids
        highest, span = start - 1, SEARCH_WINDOW if uids else 2 * span


def _uids_in(client: IMAPClient, messages: str) -> set[int]:
    lines = client._command_and_check("fetch", messages, "(UID)", uid=True)  # noqa: SLF001 takes ranges
    return {int(uid) for line in lines if isinstance(line, bytes) for uid in _UID.findall(line)}


def _search_key(name: str, moment: datetime | None, slack: timedelta) -> str:
    """SINCE or BEFORE a day; "" where there is no bound."""
    if moment is None:
        return ""
    try:
        day = moment.astimezone(UTC) + slack
    except OverflowError:  # no message lies beyond the calendar's end
        return ""
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{name} {day.day:02}-{months[day.month - 1]}-{day.year:04}"  # never in the locale's language
