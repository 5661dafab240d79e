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

    @property
    def touches_server(self) -> bool:
        """Whether anything is to be done at all."""
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
