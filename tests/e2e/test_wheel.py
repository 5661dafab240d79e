"""The wheel holds all that an installation needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

from mail_archiver.store.release import HEAD

PROJECT = Path(__file__).parents[2]


def test_the_wheel_alone_makes_the_tables(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=PROJECT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    environment = {"PYTHONPATH": str(unpacked), "MAIL_ARCHIVER_DATABASE_URL": f"sqlite:///{tmp_path}/crm.db"}

    upgraded = subprocess.run(
        [sys.executable, "-m", "mail_archiver", "db", "upgrade"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    used = subprocess.run(
        [sys.executable, "-c", "import mail_archiver; print(mail_archiver.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert used.stdout.startswith(str(unpacked)), "not the checkout's own package"
    assert upgraded.stdout.endswith(f"went from revision none to {HEAD}.\n"), upgraded.stderr
    assert (unpacked / "mail_archiver/store/migrations/versions/0001_initial.py").is_file()
    assert len(list((unpacked / "mail_archiver/cli/demo/messages").glob("*.eml"))) == 14
    assert (unpacked / "mail_archiver/py.typed").is_file()
