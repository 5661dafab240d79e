"""What is done to a message on the server once it is safe in the archive."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What an account asks for."""

    KEEP = "keep"
    SEEN = "seen"
    MOVE = "move"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Disposition:
    """An action and, for `MOVE`, the mailbox it moves to ("" otherwise)."""

    action: Action = Action.KEEP
    mailbox: str = ""

    def touches(self, mailbox: str) -> bool:
        """Whether anything is to be done to the messages of a mailbox.

        A move into the mailbox itself would give every message a new UID, and so make it new again, for ever.
        INBOX is one whatever its case (RFC 9051 section 5.1).
        """
        if self.action is Action.MOVE:
            return self.mailbox != mailbox and not self.mailbox.upper() == mailbox.upper() == "INBOX"
        return self.action is not Action.KEEP


def parse_disposition(text: str) -> Disposition:
    """Read `keep`, `seen`, `delete` or `move:<mailbox>`.

    Raises:
        ValueError: It is none of these.
    """
    action, _, mailbox = text.strip().partition(":")
    action, mailbox = action.strip().lower(), mailbox.strip()
    if action not in set(Action) or (action == Action.MOVE) != bool(mailbox):
        raise ValueError("must be keep, seen, delete or move:<mailbox>")
    return Disposition(Action(action), mailbox)
