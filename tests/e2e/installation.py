"""The installed program as cron runs it, and what can be seen of it from outside."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy as sa
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.cli import main
from mail_archiver.store.database import read_url

TIMEOUT_S = 120
PROGRAM = Path(sys.executable).with_name("mail-archiver")


class Installation:
    """A folder with a `.env`, the program, and the user who owns both."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = {"STORAGE_URL": "file:./blobs", **settings}
        self.users: dict[str, ImapUser] = {}
        self.environment = bare_environment()
        self.started_by: list[str] = []
        """A command that starts the program, and takes it as its arguments."""
        folder.mkdir()

    def add_account(self, name: str, server: ImapServer, **settings: str) -> ImapUser:
        """An account on a server, with a user of its own; keyword arguments are further settings of it."""
        user = self.users[name] = server.new_user()
        given = {
            "HOST": "localhost",
            "PORT": str(server.tls_port),
            "USERNAME": user.username,
            "PASSWORD": user.password,
            "CA_FILE": str(server.ca_file),
            **settings,
        }
        self.settings |= {f"ACCOUNTS__{name}__{key}": value for key, value in given.items()}
        return user

    @property
    def user(self) -> ImapUser:
        """The user of the only account."""
        (user,) = self.users.values()
        return user

    def start(self, *arguments: str) -> "Running":
        """Start the program with an environment as bare as cron's."""
        self.write_settings()
        process = subprocess.Popen(
            [*self.started_by, PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Running(process)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        return self.start(*arguments).finish()

    def run_here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As `run`, in this process: for tests of many short runs, or of large things made small."""
        self.write_settings()
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            chdir(self.folder),
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "argv", [str(PROGRAM), *arguments]),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, stdout.getvalue(), stderr.getvalue())

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What a CRM developer's SQL would find."""
        with self.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]

    def subjects(self) -> list[str]:
        """Of all that is archived, sorted."""
        return sorted(subject for (subject,) in self.rows("SELECT subject FROM archive"))

    def epochs(self) -> list[int]:
        """The ids of the mailboxes' lives, the oldest first."""
        return [epoch for (epoch,) in self.rows("SELECT id FROM mailbox_epoch ORDER BY id")]

    def outcomes(self, epoch: int) -> dict[str, int]:
        """How many UIDs of an epoch came to what."""
        query = "SELECT outcome, count(*) FROM processed_uid WHERE epoch_id = :epoch GROUP BY outcome"
        return dict(map(tuple, self.rows(query, epoch=epoch)))

    def execute(self, statement: str) -> None:
        """What an administrator's SQL would change."""
        with self.connect() as connection:
            connection.execute(sa.text(statement))
            connection.commit()

    def connect(self) -> sa.Connection:
        """A connection that knows nothing of our own set-up."""
        return sa.create_engine(read_url(self.settings["DATABASE_URL"]), poolclass=sa.NullPool).connect()

    def blobs(self) -> dict[str, bytes]:
        """Every stored blob by its name; the layout is checked on the way."""
        found = {}
        storage = FolderBlobs(self.folder / "blobs")
        for path in (self.folder / "blobs").rglob("*"):
            if path.is_file():
                sha256 = path.name.removesuffix(".zst")
                assert path == self.blob_path(sha256)
                found[sha256] = storage.get(sha256)
        return found

    def blob_path(self, sha256: str) -> Path:
        """Where a blob is, or would be; an original is compressed."""
        plain = self.folder / "blobs" / sha256[:2] / sha256[2:4] / sha256
        compressed = plain.with_name(f"{sha256}.zst")
        return compressed if compressed.exists() else plain

    def write_settings(self) -> None:
        """Write the `.env`."""
        lines = [f"MAIL_ARCHIVER_{name}={value}" for name, value in self.settings.items()]
        (self.folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")


class Running:
    """The program at work. Its log is read as it comes: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._log: list[str] = []
        self._is_over = False
        self._arrived = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def so_far(self) -> str:
        """What it has logged yet."""
        return "".join(self._log)

    def wait_for(self, event_name: str) -> None:
        """Wait until the log has an event of that name."""
        assert self.reached(event_name), f"no {event_name} in {self._log}"

    def reached(self, event_name: str) -> bool:
        """Wait until the log has an event of that name; False when the program ends, or hangs, without."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._is_over or self._has_logged(event_name), TIMEOUT_S)
            return self._has_logged(event_name)

    def wait_for_end(self, timeout_s: float) -> None:
        """Wait until it has ended, or for so long."""
        with self._arrived:
            self._arrived.wait_for(lambda: self._is_over, timeout_s)

    @contextmanager
    def held_at(self, event_name: str) -> Iterator[None]:
        """Stand still, from an event on to the end of a block."""
        self.wait_for(event_name)
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def finish(self) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        assert self.process.stdout is not None
        with self.process:
            stdout = self.process.stdout.read()
            code = self.process.wait(TIMEOUT_S)
            self._reader.join()
        return subprocess.CompletedProcess(self.process.args, code, stdout, "".join(self._log))

    def _has_logged(self, event_name: str) -> bool:
        return any(event_name in line for line in self._log)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._arrived:
                self._log.append(line)
                self._arrived.notify_all()
        with self._arrived:
            self._is_over = True
            self._arrived.notify_all()


def bare_environment() -> dict[str, str]:
    """What cron gives a job."""
    return {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "crm"}


def events(log: str) -> list[dict[str, Any]]:
    """The lines of a log, every one of which must be JSON."""
    return [json.loads(line) for line in log.splitlines()]


def event(log: str, name: str) -> dict[str, Any]:
    """The only event of that name."""
    (found,) = [each for each in events(log) if each["event"] == name]
    return found
