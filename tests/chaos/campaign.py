"""One installation, killed so many times."""

import signal
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.chaos.arrivals import CLIENT, MAILBOXES, Arrivals
from tests.chaos.check import check
from tests.e2e.installation import Installation, Running, events
from tests.e2e.later_release import NOTES, fill_with_archives, make_later_release
from tests.servers.imap import ImapServer

DISPOSITIONS = ("keep", "move:Archived", "delete")

_CONTACTS = f"external_id,first_name,last_name,addresses\nc1,Ada,Client,{CLIENT}\n"
_BACKFILL = ("backfill", "--since", "2020-01-01")
_EVENTS = (".started", "mailbox.selected", "message.archived", "message.duplicate")
_MIGRATION = 0.2
"""Of the kills, how many fall before the tables are there."""


class Campaign:
    """Kills the program while mail arrives, lets it run once more, and looks at what there is.

    Attributes:
        landed: How many kills there were after each event of the log.
    """

    def __init__(
        self, folder: Path, database_url: str, server: ImapServer, disposition: str, seed: int
    ) -> None:
        self.landed: Counter[str] = Counter()
        self._installation = Installation(folder, {"DATABASE_URL": database_url})
        self._server = server
        self._disposition = disposition
        self._seed = seed
        self._chance = Random(seed)
        self._duration_s = 1.0
        self._events = [*_EVENTS] + ["messages.disposed"] * (disposition != "keep")
        mailboxes = ",".join(MAILBOXES)
        self._user = self._installation.add_account(
            "CRM", server, MAILBOXES=mailboxes, DISPOSITION=disposition
        )
        with server.connect(self._user) as client:
            client.create_folder(MAILBOXES[1])
            client.create_folder("Archived")

    def carry_out(self, kills: int) -> None:
        """Kill it so many times.

        Raises:
            AssertionError: Something is missing, doubled or half there afterwards; it tells the seed.
        """
        try:
            self._migrate(max(1, round(kills * _MIGRATION)))
            with Arrivals(self._server, self._user, Random(f"{self._seed} mail")) as arrivals:
                while self.landed.total() < kills:
                    self._start_and_kill(*(_BACKFILL if self._chance.random() < 0.15 else ("run",)))
            self._finish("run")
            self._finish("audit")
            check(self._installation, self._server, self._user, self._disposition, arrivals.there)
        except AssertionError as failure:
            raise AssertionError(
                f"{failure}\n(seed {self._seed}, killed after {dict(self.landed)})"
            ) from failure

    def _migrate(self, kills: int) -> None:
        """Make the tables, or bring this release's to a later one, in spite of so many kills.

        It is the later release that the campaign goes on with then.
        """
        url = self._installation.settings["DATABASE_URL"]
        whole_s = self._time_of_an_upgrade()
        old = None
        if self._chance.random() < 0.5:
            old = fill_with_archives(url)
            self._installation.environment |= make_later_release(self._installation.folder / "release")
        # SQLite makes its tables at the first run, which has nothing else to do yet.
        commands = ("run", "db upgrade") if url.startswith("sqlite") else ("db upgrade",)
        is_killed = True
        while is_killed and self.landed.total() < kills:
            running = self._installation.start(*self._chance.choice(commands).split())
            running.wait_for_end(whole_s * self._chance.uniform(0.3, 0.9))  # before, it only loads
            is_killed = self._kill(running, "while migrating")
        self._finish("db", "upgrade")
        if old:
            notes = old.rows("SELECT note FROM archive ORDER BY id")
            assert notes == [(each,) for each in NOTES], "the upgrade has not changed every archive"
            old.run("DELETE FROM attachment", "DELETE FROM archive")
        (self._installation.folder / "contacts.csv").write_text(_CONTACTS, encoding="utf-8")
        self._finish("contacts", "import", "contacts.csv")

    def _start_and_kill(self, *command: str) -> None:
        """Kill a command at a random moment: of its whole time, or soon after an event of its log."""
        started = time.monotonic()
        running = self._installation.start(*command)
        if self._chance.random() < 0.4:
            running.wait_for_end(self._chance.uniform(0, self._duration_s))
        elif running.reached(self._chance.choice(self._events)):
            running.wait_for_end(self._chance.choice([0, 0.05, 0.5]) * self._chance.random())
        if not self._kill(running, f"nothing yet ({command[0]})"):
            self._duration_s = time.monotonic() - started

    def _kill(self, running: Running, silent: str) -> bool:
        """Kill it, and note after which event (else `silent`); False when it had ended already."""
        running.process.kill()
        ended = running.finish()
        if ended.returncode == -signal.SIGKILL:
            whole_lines = [line for line in ended.stderr.splitlines(keepends=True) if line.endswith("\n")]
            seen = events("".join(whole_lines))
            self.landed[seen[-1]["event"] if seen else silent] += 1
            return True
        assert ended.returncode == 0, f"{ended.args} ended with {ended.returncode}: {ended.stderr[-2000:]}"
        return False

    def _time_of_an_upgrade(self) -> float:
        """How long it takes to make the tables, now, on this machine."""
        settings = self._installation.settings
        elsewhere = {**settings, "DATABASE_URL": f"sqlite:///{self._installation.folder / 'elsewhere.db'}"}
        self._installation.settings = elsewhere
        started = time.monotonic()
        self._finish("db", "upgrade")
        self._installation.settings = settings
        return time.monotonic() - started

    def _finish(self, *command: str) -> None:
        ended = self._installation.run(*command)
        assert ended.returncode == 0, f"{command} ended with {ended.returncode}: {ended.stderr[-2000:]}"
