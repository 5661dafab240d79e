"""The log's lines."""

import io
import json
import re

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


EVIL = 'INBOX\n{"event": "run.finished"}\r\u2028\x85\x1b[2J\x9b2J\u202e\udcff'


def test_a_value_makes_no_second_line_and_is_the_same_when_it_is_read() -> None:
    stream = io.StringIO()
    open_log("info", stream).info("mailbox.selected", mailbox=EVIL)
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert json.loads(line)["mailbox"] == EVIL


def test_a_value_steers_no_terminal() -> None:
    stream = Terminal()
    open_log("info", stream).info("mailbox.selected", mailbox=EVIL, names=[EVIL])
    (line,) = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()).splitlines()
    assert line.isprintable()


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
