"""`mail-archiver demo`"""

import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.e2e.installation import PROGRAM, bare_environment, events


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**bare_environment(), "COLUMNS": "140"}
    command = [str(PROGRAM), "demo", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_shows_the_whole_job(tmp_path: Path) -> None:
    shown = demo(tmp_path)

    assert shown.returncode == 0, shown.stderr
    assert [each["archived"] for each in events(shown.stderr) if each["event"] == "run.finished"] == [13, 0]
    for expected in (
        "9 created, 0 updated.",
        "Quote for the reading room",
        "Sarah Fernhill (to)",
        "James Rowe (cc)",
        "Ana Ferreira (bcc)",
        "(sender)",
        "(forwarded)",
        "(2 copies)",
        "attachments.zip",
        "nobody the CRM knows",
        "Where to look next",
    ):
        assert expected in shown.stdout
    with sqlite3.connect(tmp_path / "mail-archiver-demo" / "crm.db") as database:
        assert database.execute(
            "SELECT outcome, count(*) FROM processed_uid GROUP BY outcome"
        ).fetchall() == [
            ("archived", 13),
            ("duplicate", 1),
        ]
        assert database.execute("SELECT count(*) FROM archive_contact").fetchone() == (14,)
        ((defects,),) = database.execute("SELECT count(*) FROM archive WHERE defects <> '[]'").fetchall()
        assert defects == 1


def test_a_second_demo_takes_a_fresh_folder_and_leaves_no_server(tmp_path: Path) -> None:
    assert demo(tmp_path).returncode == 0
    assert demo(tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mail-archiver-demo", "mail-archiver-demo-2"]
    processes = [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path).encode() in read(path)
    ]
    assert processes == []


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    shown = demo(tmp_path, "--folder", "mine")
    assert shown.returncode == 64
    assert "exists already" in shown.stderr
    assert list((tmp_path / "mine").iterdir()) == []


def test_without_its_extra_it_says_what_to_install_and_makes_no_folder(tmp_path: Path) -> None:
    program = "import sys; sys.modules['pymap'] = None; from mail_archiver.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", program, "demo"], cwd=tmp_path, capture_output=True, text=True
    )
    assert shown.returncode == 64
    assert "mail-archiver[demo]" in shown.stderr
    assert list(tmp_path.iterdir()) == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
