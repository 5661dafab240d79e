"""The log's lines."""

import io
import json

import pytest

from mail_archiver.logs import open_log


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


def test_is_json_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    open_log("info", stream).info("message.archived", uid=7, mailbox="Entwürfe")
    line = stream.getvalue()
    assert list(json.loads(line)) == ["timestamp", "level", "event", "uid", "mailbox"]
    assert line.endswith("\n")
    assert "Entwürfe" in line


def test_a_line_break_in_a_value_makes_no_second_line() -> None:
    stream = io.StringIO()
    open_log("info", stream).info("mailbox.selected", mailbox='INBOX\n{"event": "run.finished"}')
    assert stream.getvalue().count("\n") == 1


def test_is_columns_on_a_terminal() -> None:
    stream = Terminal()
    open_log("info", stream).info("run.finished", archived=3)
    assert "run.finished" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize(("level", "expected"), [("info", 2), ("warning", 1), ("error", 0)])
def test_leaves_out_what_is_below_its_level(level: str, expected: int) -> None:
    stream = io.StringIO()
    log = open_log(level, stream)
    log.info("run.started")
    log.warning("run.skipped")
    assert len(stream.getvalue().splitlines()) == expected
