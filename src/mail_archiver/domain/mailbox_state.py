"""A mailbox as the server shows it, and as the ledger knows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """Which mailbox: everything that, when it changes, begins a new epoch together with UIDVALIDITY."""

    account: str
    host: str
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """What EXAMINE answers (RFC 9051 section 6.3.3).

    Attributes:
        uidvalidity: 0 when the server gives none.
        uidnext: None when the server gives none.
        highest_modseq: None without CONDSTORE (RFC 7162).
    """

    uidvalidity: int
    uidnext: int | None
    exists: int
    highest_modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of one mailbox: the span in which a UID means the same message.

    Attributes:
        last_uid: Watermark: every UID up to here that the server showed is in the ledger; 0 at first.
    """

    id: int
    key: MailboxKey
    uidvalidity: int
    last_uid: int


def continues(epoch: Epoch, key: MailboxKey, status: MailboxStatus) -> bool:
    """Whether the UIDs of `epoch` still mean the same messages (RFC 9051 section 2.3.1.1).

    Any difference counts, also from or to 0 and back to an earlier value: a server that reuses a UIDVALIDITY
    does not thereby give its UIDs their old meaning back. A UIDNEXT that went back counts too: the mailbox
    was made anew by a server that knows one UIDVALIDITY only.
    """
    went_back = status.uidnext is not None and status.uidnext <= epoch.last_uid
    return epoch.key == key and epoch.uidvalidity == status.uidvalidity and not went_back


def holds_nothing_new(epoch: Epoch, key: MailboxKey, status: MailboxStatus, *, unused: bool) -> bool:
    """Whether the mailbox is as the ledger left it.

    Where no UID was seen yet, none can change its meaning: until then, Courier's UIDVALIDITY is the time.

    Args:
        unused: The ledger has no UID of the epoch.
    """
    if unused and status.exists == 0:
        return epoch.key == key
    return continues(epoch, key, status) and not may_hold_new_messages(epoch.last_uid, status)


def may_hold_new_messages(last_uid: int, status: MailboxStatus) -> bool:
    """Whether a search is worth its round trip: an idle poll ends here."""
    if status.exists == 0:
        return False
    return status.uidnext is None or status.uidnext > last_uid + 1
