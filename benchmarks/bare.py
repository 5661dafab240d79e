"""What a poll by Python costs at the least: the interpreter, imaplib and psycopg2, and no program."""

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from tests.e2e.installation import bare_environment

from benchmarks.disk import connect, database_octets
from benchmarks.measure import Cost, cost_of
from benchmarks.servers import Mailbox, Servers

_SCRIPT = Path(__file__).with_name("bare_poll.py")


class BarePoll:
    """Knows the mailboxes' last UIDs from the beginning."""

    name = "limit: imaplib and psycopg2"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def home(self, mailboxes: Sequence[Mailbox]) -> "BareHome":
        return BareHome(self._servers, mailboxes)


class BareHome:
    """A database with a row for each mailbox."""

    def __init__(self, servers: Servers, mailboxes: Sequence[Mailbox]) -> None:
        self._servers = servers
        self._url = servers.postgres.new_database()
        self._folder = Path(tempfile.mkdtemp(dir=servers.folder))
        self._mailboxes = mailboxes
        with connect(self._url) as connection:
            connection.execute(sa.text("CREATE TABLE bare_poll (username text PRIMARY KEY, last_uid bigint)"))
            for each in mailboxes:
                connection.execute(
                    sa.text("INSERT INTO bare_poll VALUES (:username, :last_uid)"),
                    {"username": each.user.username, "last_uid": each.messages},
                )
            connection.commit()

    def run(self) -> Cost:
        accounts = [
            f"{each.server.host}:{each.server.port}:{each.user.username}:{each.user.password}"
            for each in self._mailboxes
        ]
        return cost_of([sys.executable, _SCRIPT, self._url, *accounts], self._folder, bare_environment())

    def archived(self) -> int:
        return sum(each.messages for each in self._mailboxes)

    def stored_octets(self) -> int:
        return database_octets(self._url)

    def remove(self) -> None:
        shutil.rmtree(self._folder)
        self._servers.postgres.drop_database(self._url)
