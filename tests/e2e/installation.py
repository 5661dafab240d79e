"""The installed program as cron runs it, and what can be seen of it from outside."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.servers.imap import ImapServer, ImapUser

from mail_archiver.store.database import read_url

PROGRAM = Path(sys.executable).with_name("mail-archiver")


class Installation:
    """A folder with a `.env`, the program, and the user who owns both."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder
        self.settings = {"STORAGE_URL": "file:./blobs", **settings}
        self.users: dict[str, ImapUser] = {}
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

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the program with an environment as bare as cron's."""
        self.write_settings()
        return subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=self.folder,
            env=bare_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the program to its end."""
        with self.start(*arguments) as process:
            stdout, stderr = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    def rows(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What a CRM developer's SQL would find."""
        with self.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]

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
        for path in (self.folder / "blobs").rglob("*"):
            if path.is_file():
                assert path.parent == self.folder / "blobs" / path.name[:2] / path.name[2:4]
                found[path.name] = path.read_bytes()
        return found

    def write_settings(self) -> None:
        """Write the `.env`."""
        lines = [f"MAIL_ARCHIVER_{name}={value}" for name, value in self.settings.items()]
        (self.folder / ".env").write_text("\n".join(lines) + "\n", encoding="utf-8")


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
