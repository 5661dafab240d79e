"""What a server means by NO, where a word tells it: most say that something is refused, some to come back."""

import re

# "Authenticated but not connected" (Exchange) and the like say nothing about the password or the message.
_COME_BACK = (
    "[unavailable]",
    "[inuse]",
    "[limit]",
    "[overquota]",
    "[throttled]",
    "not connected",
    "backoff",
    "server busy",
)
_PAUSE = re.compile(r"backoff time:?\s*(\d+)\s*(ms|milliseconds|s|seconds)?", re.IGNORECASE)


def asks_to_come_back(answer: str) -> bool:
    """Whether a NO means "not now" (RFC 9051 section 7.1, and what Gmail and Exchange say)."""
    answer = answer.lower()
    return any(sign in answer for sign in _COME_BACK)


def asked_pause_s(answer: str) -> float:
    """For how long, in seconds; 0 where it is not said. Exchange says it in milliseconds."""
    said = _PAUSE.search(answer)
    if said is None:
        return 0
    return int(said.group(1)) / (1 if (said.group(2) or "").lower() in ("s", "seconds") else 1000)
