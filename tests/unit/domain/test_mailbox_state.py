from dataclasses import replace

import pytest

from mail_archiver.domain.mailbox_state import (
    Epoch,
    MailboxKey,
    MailboxStatus,
    continues,
    holds_nothing_new,
    may_hold_new_messages,
)

KEY = MailboxKey("crm", "imap.own.example", "crm@own.example", "INBOX")
EPOCH = Epoch(1, KEY, 7, last_uid=10)


def test_an_epoch_continues_while_nothing_changed() -> None:
    assert continues(EPOCH, KEY, MailboxStatus(uidvalidity=7, uidnext=11, exists=3))
    assert continues(EPOCH, replace(KEY), MailboxStatus(uidvalidity=7, uidnext=None, exists=0))


@pytest.mark.parametrize(("before", "now"), [(7, 8), (7, 6), (7, 0), (0, 7), (7, 2**40)])
def test_any_other_uidvalidity_begins_a_new_epoch(before: int, now: int) -> None:
    assert not continues(replace(EPOCH, uidvalidity=before), KEY, MailboxStatus(now, 11, 3))


@pytest.mark.parametrize(
    "key",
    [
        replace(KEY, account="other"),
        replace(KEY, host="imap.new.example"),
        replace(KEY, username="archive@own.example"),
        replace(KEY, name="Archive"),
        replace(KEY, name="inbox"),
    ],
)
def test_another_place_begins_a_new_epoch(key: MailboxKey) -> None:
    assert not continues(EPOCH, key, MailboxStatus(7, 11, 3))


@pytest.mark.parametrize("uidvalidity", [7, 8, 0])
def test_a_mailbox_as_empty_as_ever_is_as_it_was_left_whatever_its_uidvalidity(uidvalidity: int) -> None:
    epoch, status = replace(EPOCH, last_uid=0), MailboxStatus(uidvalidity, uidnext=1, exists=0)
    assert holds_nothing_new(epoch, KEY, status, unused=True)
    assert holds_nothing_new(epoch, KEY, replace(status, uidnext=None), unused=True)
    assert not holds_nothing_new(epoch, replace(KEY, host="imap.new.example"), status, unused=True)
    assert not holds_nothing_new(epoch, KEY, replace(status, uidnext=2, exists=1), unused=True)


@pytest.mark.parametrize(("uidvalidity", "as_it_was"), [(7, True), (8, False), (0, False)])
def test_a_mailbox_that_was_emptied_is_as_it_was_left_in_its_epoch_alone(
    uidvalidity: int, as_it_was: bool
) -> None:
    status = MailboxStatus(uidvalidity, uidnext=11, exists=0)
    assert holds_nothing_new(EPOCH, KEY, status, unused=False) is as_it_was


@pytest.mark.parametrize(
    ("last_uid", "uidnext", "exists", "worth_it"),
    [
        (10, 11, 3, False),
        (10, 12, 3, True),
        (0, 1, 0, False),
        (0, 2, 1, True),
        (10, 12, 0, False),
        (10, None, 3, True),
        (10, None, 0, False),
        (10, 5, 3, False),
    ],
)
def test_a_search_is_worth_it_only_when_something_may_be_new(
    last_uid: int, uidnext: int | None, exists: int, worth_it: bool
) -> None:
    assert may_hold_new_messages(last_uid, MailboxStatus(7, uidnext, exists)) is worth_it
