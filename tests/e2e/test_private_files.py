"""What the program writes is for its owner alone, however open the umask: also while it is being written."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.e2e.installation import Installation, Running
from tests.e2e.mails import MANY, mail
from tests.servers.dovecot import Dovecot
from tests.servers.token_server import TokenServer

LARGE = b"0123456789abcdef" * (512 * 1024)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite, whose files are ours to make."""
    return f"sqlite:///{tmp_path}/mail-archiver/crm.db"


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The program inherits it."""
    previous = os.umask(0)
    yield
    os.umask(previous)


def modes(folder: Path) -> dict[str, str]:
    """All that is in a folder and may be touched by others, with its mode."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # gone by now
            mode = stat.S_IMODE(path.lstat().st_mode)
            found[str(path.relative_to(folder))] = oct(mode)
    return found


def open_to_others(folder: Path) -> dict[str, str]:
    return {name: mode for name, mode in modes(folder).items() if name != ".env" and int(mode, 8) & 0o077}


def test_the_database_its_log_and_locks_and_the_blobs(installation: Installation, dovecot: Dovecot) -> None:
    with dovecot.connect(installation.user) as client:
        for number in range(MANY):
            client.append("INBOX", mail(f"Message {number}", attachments={"a.pdf": b"%PDF-1.4"}))
    assert installation.run("db", "upgrade").returncode == 0
    running = installation.start("run")
    with running.held_at("message.archived"):
        made = modes(installation.folder)
        assert open_to_others(installation.folder) == {}
    assert running.finish().returncode == 0
    assert {"crm.db", "crm.db-wal", "crm.db-shm", "crm.db-locks", "crm.db-locks/run%3Acrm"} <= made.keys()
    assert open_to_others(installation.folder) == {}


def test_what_is_too_large_for_memory_has_no_name_while_it_is_on_disk(
    installation: Installation, dovecot: Dovecot, tmp_path: Path
) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    installation.environment["TMPDIR"] = str(spools)
    dovecot.deliver(installation.user, mail(attachments={"a.bin": LARGE, "b.bin": LARGE}))
    running = installation.start("run")
    opened: set[str] = set()
    named: set[str] = set()
    while running.process.poll() is None:
        opened |= open_files(running, spools)
        # Not the file by which the standard library finds out whether it may write there.
        named |= {path.name for path in spools.iterdir() if path.name.startswith(tempfile.template)}
    assert running.finish().returncode == 0
    assert opened, "nothing was spooled"
    assert named == set()


def open_files(running: Running, folder: Path) -> set[str]:
    """What the program has open of a folder."""
    found = set()
    with suppress(FileNotFoundError):  # it has ended
        for handle in Path(f"/proc/{running.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                target = str(handle.readlink())
                if target.startswith(f"{folder}/"):
                    found.add(target)
    return found


def test_the_tokens_and_all_folders_that_are_made_for_them(
    installation: Installation, dovecot: Dovecot, token_server: TokenServer
) -> None:
    if not dovecot.takes_tokens:
        pytest.skip("a Dovecot in a container cannot ask the token server")
    application = token_server.register(installation.user.username)
    given = {
        "TOKEN_URL": token_server.token_url,
        "CLIENT_ID": application.client_id,
        "CLIENT_SECRET": application.client_secret,
    }
    del installation.settings["ACCOUNTS__CRM__PASSWORD"]
    installation.settings |= {f"ACCOUNTS__CRM__OAUTH__{name}": value for name, value in given.items()}
    installation.settings["TOKEN_FOLDER"] = "var/secrets/tokens"
    assert installation.run("run").returncode == 0
    assert "var/secrets/tokens/crm.json" in modes(installation.folder)
    assert open_to_others(installation.folder) == {}
