"""mbsync, of Debian's isync: copies a mailbox to a Maildir, and that is all it does."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import Unavailable
from tests.servers.unpacked import unpack

from benchmarks.disk import file_octets
from benchmarks.measure import Cost, cost_of
from benchmarks.servers import Mailbox, Servers

# FSync is on unless one says otherwise, and nothing is written to the server.
_CHANNEL = """
IMAPAccount {name}
Host {host}
Port {port}
User {user}
Pass "{password}"
SSLType None
AuthMechs LOGIN

IMAPStore {name}-far
Account {name}

MaildirStore {name}-near
Path {folder}/{name}/
Inbox {folder}/{name}/INBOX

Channel {name}
Far :{name}-far:
Near :{name}-near:
Patterns INBOX
Sync Pull
Create Near
Expunge None
SyncState *
"""


class Mbsync:
    """Unpacked into .tools where it is not installed."""

    name = "mbsync"

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
        installed = shutil.which("mbsync")
        if installed:
            self._program = Path(installed)
            return
        folder = unpack("isync", ["isync"])
        if folder is None:
            raise Unavailable("apt-get does not get isync")
        self._program = folder / "usr/bin/mbsync"
        libraries = {str(library.parent) for library in (folder / "usr/lib").rglob("*.so*")}
        self._environment["LD_LIBRARY_PATH"] = os.pathsep.join(sorted(libraries))

    def home(self, mailboxes: Sequence[Mailbox]) -> "MbsyncHome":
        folder = Path(tempfile.mkdtemp(dir=self._servers.folder))
        return MbsyncHome(self._program, self._environment, folder, mailboxes)


class MbsyncHome:
    """A folder with Maildirs and their synchronisation state."""

    def __init__(
        self, program: Path, environment: dict[str, str], folder: Path, mailboxes: Sequence[Mailbox]
    ) -> None:
        self._command: list[str | Path] = [program, "--quiet", "--config", folder / "mbsyncrc", "--all"]
        self._environment = environment
        self._folder = folder
        channels = []
        for n, mailbox in enumerate(mailboxes):
            (folder / f"a{n}").mkdir()
            channels.append(
                _CHANNEL.format(
                    name=f"a{n}",
                    host=mailbox.server.host,
                    port=mailbox.server.port,
                    user=mailbox.user.username,
                    password=mailbox.user.password,
                    folder=folder,
                )
            )
        (folder / "mbsyncrc").write_text("".join(channels))

    def run(self) -> Cost:
        return cost_of(self._command, self._folder, self._environment)

    def archived(self) -> int:
        return sum(
            1
            for inbox in self._folder.glob("*/INBOX")
            for part in ("cur", "new")
            for _ in (inbox / part).iterdir()
        )

    def stored_octets(self) -> int:
        return file_octets(self._folder)

    def remove(self) -> None:
        shutil.rmtree(self._folder)
