"""Text from outside, made harmless: nothing in it steers a terminal, breaks a line or turns its direction."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# In a value on a line of ours also what breaks it, what turns the direction of all that follows, and what no
# encoding has.
_CONTROLS_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """A text of several lines with nothing in it that steers a terminal (C0 and C1 but newline and tab)."""
    return _CONTROLS.sub("\ufffd", text)


def harmless_line(text: str) -> str:
    """The same for a value that must stay on its line, and not reorder what stands beside it."""
    return _CONTROLS_IN_LINE.sub("\ufffd", text)


def harmless_json(text: str) -> str:
    """The same for a line of JSON, where nothing is lost: such characters stand in strings alone."""
    return _CONTROLS_IN_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
