"""The benchmarks, on next to nothing: so that they work when somebody wants to know. No time is asserted."""

import re
import subprocess
import sys
from pathlib import Path
from pstats import Stats

from benchmarks.corpus import MIX, messages

ROOT = Path(__file__).parents[2]
FIGURES = r"( +[\d.,]+){3,}$"
ROWS = [
    "mail-archiver, PostgreSQL",
    "mail-archiver, SQLite",
    "mail-archiver, PostgreSQL, TLS",
    "limit: fetch, kept nowhere",
    "limit: email.message_from_bytes alone",
    "limit: email, compat32",
    "limit: email, policy.default",
    "limit: COPY of rows",
    "limit: imaplib and psycopg2",
    "  ours-sqlite / ours-pg",
    "  ours-pg / parse-bare, processor",
    "  ours-sqlite / parse-bare, processor",
    "at 50 archives",
    "  10 accounts / 1 account",
]
PEERS = ["mbsync", "django-mailbox"]


def test_has_a_figure_for_everything_and_a_row_for_each_peer() -> None:
    """One test, since it takes a while. The exit code is 1 when one of ours left a message or a blob out."""
    command = [sys.executable, "-m", "benchmarks", "--tiny"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for row in ROWS:
        assert re.search(f"^{re.escape(row)}{FIGURES}", ended.stdout, re.MULTILINE), f"{row}: {ended.stdout}"
    for peer in PEERS:  # one that cannot be had is a row without figures
        assert re.search(f"^{peer} ", ended.stdout, re.MULTILINE), f"{peer}: {ended.stdout}"


def test_writes_down_what_cprofile_says(tmp_path: Path) -> None:
    file = tmp_path / "run.prof"
    options = [
        "--corpus",
        "small",
        "--only",
        "ours-pg",
        "--runs",
        "1",
        "--scale",
        "0.01",
        "--profile",
        str(file),
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.sync", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    functions = {name for _, _, name in Stats(str(file)).stats}  # type: ignore[attr-defined]
    assert {"parse_message", "insert_rows"} <= functions


def test_no_message_is_lost_nor_there_twice_when_one_of_several_machines_dies() -> None:
    size = ["--accounts", "6", "--machines", "2", "--messages", "150"]
    command = [sys.executable, "-m", "benchmarks.fleet", *size]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^machine \d .* killed$", ended.stdout, re.MULTILINE), ended.stdout


def test_links_all_mail_of_contacts_that_came_later() -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks.later",
        "--archives",
        "2000",
        "--contacts",
        "20",
        "--runs",
        "1",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(f"^at 2,000 archives{FIGURES}", ended.stdout, re.MULTILINE), ended.stdout


def test_makes_the_same_corpus_each_time() -> None:
    assert list(messages(MIX.of(20))) == list(messages(MIX.of(20)))
