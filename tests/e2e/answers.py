"""What odd servers answer, for a proxy to put in a good one's mouth (see `Proxy.change`)."""

from tests.servers.proxy import Change


def once(change: Change) -> Change:
    """Only the first time."""
    left = [change]
    return lambda command, answer: left.pop()(command, answer) if left else answer


def refusing(refusal: bytes) -> Change:
    """Nothing but NO or BAD, and a text."""
    return lambda command, _answer: command.partition(b" ")[0] + b" " + refusal + b"\r\n"
