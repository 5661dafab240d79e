"""What one cannot be faster than: reading the bytes, parsing them, writing rows; one thing each, alone."""

import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.measure import Cost, Failed
from benchmarks.processes import descendants_s
from benchmarks.servers import Mailbox, Servers

LIMITS = {
    "fetch": "limit: fetch, kept nowhere",
    "fetch-tls": "limit: fetch over TLS, likewise",
    "parse-bare": "limit: email.message_from_bytes alone",
    "parse-compat32": "limit: email, compat32",
    "parse-default": "limit: email, policy.default",
    "copy": "limit: COPY of rows",
}


class Limit:
    """One of `LIMITS`."""

    def __init__(self, servers: Servers, kind: str) -> None:
        self.name = LIMITS[kind]
        self._servers = servers
        self._kind = kind

    def home(self, mailboxes: Sequence[Mailbox]) -> "LimitHome":
        (mailbox,) = mailboxes
        return LimitHome(self._kind, mailbox, self._servers)


class LimitHome:
    """Keeps nothing but, for COPY, rows."""

    def __init__(self, kind: str, mailbox: Mailbox, servers: Servers) -> None:
        self._kind = kind
        self._servers = servers
        self._database = servers.postgres.new_database()
        user, server = mailbox.user, mailbox.server
        port = server.tls_port if kind == "fetch-tls" else server.port
        place = [server.host, str(port), str(server.ca_file), user.username, user.password, self._database]
        self._command = [kind, *place]
        self._done = 0

    def run(self) -> Cost:
        command = [sys.executable, "-m", "benchmarks.limit_work", *self._command]
        before_s = descendants_s()
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise Failed(answer.stderr[-2000:])
        self._done, wall_s, user_s, system_s = json.loads(answer.stdout)
        # The others have read the mailbox before they begin.
        servers_s = descendants_s() - before_s if self._kind.startswith("fetch") else 0
        return Cost(wall_s, user_s, system_s, servers_s, 0)

    def archived(self) -> int:
        return self._done

    def stored_octets(self) -> int:
        return 0

    def remove(self) -> None:
        self._servers.postgres.drop_database(self._database)
