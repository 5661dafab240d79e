"""django-mailbox, the nearest peer: IMAP into a relational database, its attachments into files."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from tests.servers.installed import TOOLS
from tests.servers.process import Unavailable

from benchmarks.disk import connect, database_octets, file_octets
from benchmarks.measure import Cost, cost_of
from benchmarks.servers import Mailbox, Servers

_PROJECT = Path(__file__).with_name("django_project")
_ENVIRONMENT = TOOLS / "django-mailbox"
_PYTHON = _ENVIRONMENT / "bin/python"
_INSERT = "INSERT INTO django_mailbox_mailbox (name, uri, active) VALUES (:name, :uri, true)"


class DjangoMailbox:
    """In an environment of its own below .tools."""

    name = "django-mailbox"

    def __init__(self, servers: Servers) -> None:
        _install()
        self._servers = servers
        self._template = servers.postgres.new_database()
        _django(self._template, servers.folder, "migrate")

    def home(self, mailboxes: Sequence[Mailbox]) -> "DjangoHome":
        """It deletes on the server what it has read: it gets copies of the mailboxes."""
        copies = [self._servers.copied(each) for each in mailboxes]
        url = self._servers.postgres.new_database(like=self._template)
        return DjangoHome(self._servers, url, Path(tempfile.mkdtemp(dir=self._servers.folder)), copies)


class DjangoHome:
    """A database with a row for each mailbox, and a folder for the attachments."""

    def __init__(self, servers: Servers, url: str, folder: Path, mailboxes: Sequence[Mailbox]) -> None:
        self._servers = servers
        self._url = url
        self._folder = folder
        self._mailboxes = mailboxes
        with connect(url) as connection:
            for n, each in enumerate(mailboxes):
                user, password = quote(each.user.username, safe=""), quote(each.user.password, safe="")
                uri = f"imap://{user}:{password}@{each.server.host}:{each.server.port}"
                connection.execute(sa.text(_INSERT), {"name": f"a{n}", "uri": uri})
            connection.commit()

    def run(self) -> Cost:
        return cost_of([_PYTHON, "-m", "django", "getmail"], self._folder, _environment(self._url))

    def archived(self) -> int:
        with connect(self._url) as connection:
            return int(connection.scalar(sa.text("SELECT count(*) FROM django_mailbox_message")) or 0)

    def stored_octets(self) -> int:
        return file_octets(self._folder) + database_octets(self._url)

    def remove(self) -> None:
        shutil.rmtree(self._folder)
        self._servers.postgres.drop_database(self._url)
        for each in self._mailboxes:
            self._servers.removed(each)


def _install() -> None:
    """Once; whole or not at all."""
    if _PYTHON.exists():
        return
    TOOLS.mkdir(exist_ok=True)
    uv = Path(sys.executable).with_name("uv")
    made = Path(tempfile.mkdtemp(dir=TOOLS))
    requirements = ["--requirement", str(_PROJECT / "requirements.txt")]
    for command in (
        ["venv", "--quiet", "--python", sys.executable, "--relocatable", str(made)],
        ["pip", "install", "--quiet", "--python", str(made / "bin/python"), *requirements],
    ):
        if subprocess.run([uv, *command], stdin=subprocess.DEVNULL, check=False).returncode:
            shutil.rmtree(made)
            raise Unavailable("uv does not get it from PyPI")
    made.rename(_ENVIRONMENT)


def _environment(url: str) -> dict[str, str]:
    place = sa.make_url(url)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": os.environ["HOME"],
        "PYTHONPATH": str(_PROJECT),
        "DJANGO_SETTINGS_MODULE": "settings_of_peer",
        "DATABASE_NAME": str(place.database),
        "DATABASE_USER": str(place.username),
        "DATABASE_PASSWORD": str(place.password),
        "DATABASE_HOST": str(place.host),
        "DATABASE_PORT": str(place.port),
    }


def _django(url: str, folder: Path, command: str) -> None:
    subprocess.run(
        [_PYTHON, "-m", "django", command],
        cwd=folder,
        env=_environment(url),
        check=True,
        stdout=subprocess.DEVNULL,
    )
