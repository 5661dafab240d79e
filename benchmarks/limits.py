"""What one cannot be faster than: reading the bytes, parsing them, writing rows; one thing each, alone.

The work is measured inside of the process that does it, without its start.
"""

import argparse
import email
import email.policy
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg2
from imapclient import IMAPClient

from benchmarks.measure import Cost, Failed
from benchmarks.processes import descendants_s
from benchmarks.servers import Mailbox, Servers

_BUFFER_OCTETS = 1024 * 1024
_ROWS = 50
_TABLE = """
CREATE TABLE archive (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fingerprint text NOT NULL UNIQUE, subject text,
    sender text, received_at timestamptz NOT NULL DEFAULT now(), body_text text, body_html text,
    size_octets bigint NOT NULL
)
"""


class Limit:
    """One of `LIMITS`."""

    def __init__(self, servers: Servers, kind: str) -> None:
        self.name = LIMITS[kind][0]
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
        self._command = [kind, server.host, str(server.port), user.username, user.password, self._database]
        self._done = 0

    def run(self) -> Cost:
        command = [sys.executable, "-m", "benchmarks.limits", *self._command]
        before_s = descendants_s()
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise Failed(answer.stderr[-2000:])
        self._done, wall_s, user_s, system_s = json.loads(answer.stdout)
        # The others have read the mailbox before they begin.
        servers_s = descendants_s() - before_s if self._kind == "fetch" else 0
        return Cost(wall_s, user_s, system_s, servers_s, 0)

    def archived(self) -> int:
        return self._done

    def remove(self) -> None:
        self._servers.postgres.drop_database(self._database)


def _read(host: str, port: int, user: str, password: str) -> Iterator[bytes]:
    """Every message of the INBOX."""
    with IMAPClient(host, port, ssl=False) as client:
        client._imap.debug = 0  # noqa: SLF001
        client.login(user, password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for at in range(0, len(uids), _ROWS):
            for answer in client.fetch(uids[at : at + _ROWS], "BODY.PEEK[]").values():
                yield answer[b"BODY[]"]


def _fetch(place: tuple[str, int, str, str], _: str) -> Callable[[], int]:
    host, port, user, password = place
    peer = socket.create_connection((host, port))
    peer.recv(4096)
    peer.sendall(f'a LOGIN "{user}" "{password}"\r\n'.encode())
    _until_done(peer)
    peer.sendall(b"a EXAMINE INBOX\r\n")
    exists = next(line for line in _until_done(peer).splitlines() if line.endswith(b" EXISTS"))

    def work() -> int:
        peer.sendall(b"a UID FETCH 1:* (BODY.PEEK[])\r\n")
        _until_done(peer)
        return int(exists.split()[1])

    return work


def _until_done(peer: socket.socket) -> bytes:
    """Read to the tagged answer; returns the last that was read. No message ends as an answer does."""
    buffer = bytearray(_BUFFER_OCTETS)
    end = b""
    while not (end.endswith(b"\r\n") and b"\r\na OK" in b"\r\n" + end):
        count = peer.recv_into(buffer)
        if not count:
            raise ConnectionError("the server has hung up")
        end = (end + buffer[max(count - 2000, 0) : count])[-2000:]
    return end


def _parse(
    policy: email.policy.Policy | None,
) -> Callable[[tuple[str, int, str, str], str], Callable[[], int]]:
    def prepare(place: tuple[str, int, str, str], _: str) -> Callable[[], int]:
        sources = list(_read(*place))

        def work() -> int:
            for source in sources:
                message = email.message_from_bytes(source, **({"policy": policy} if policy else {}))
                for part in message.walk():
                    part.items()
                    if not part.is_multipart():
                        part.get_payload(decode=True)
            return len(sources)

        return work

    return prepare


def _copy(place: tuple[str, int, str, str], database: str) -> Callable[[], int]:
    rows = []
    for n, source in enumerate(_read(*place)):
        message = email.message_from_bytes(source)
        text = {"plain": "", "html": ""}
        for part in message.walk():
            if part.get_content_maintype() == "text" and not part.get_filename():
                content = part.get_payload(decode=True)
                assert isinstance(content, bytes)
                text[part.get_content_subtype()] = content.decode()
        values = [
            f"{n:064x}",
            message["Subject"],
            message["From"],
            text["plain"],
            text["html"],
            str(len(source)),
        ]
        rows.append("\t".join(map(_escaped, values)) + "\n")
    connection = psycopg2.connect(database)
    cursor = connection.cursor()
    cursor.execute(_TABLE)
    connection.commit()

    def work() -> int:
        for at in range(0, len(rows), _ROWS):
            cursor.copy_expert(
                "COPY archive (fingerprint, subject, sender, body_text, body_html, size_octets) FROM STDIN",
                io.StringIO("".join(rows[at : at + _ROWS])),
            )
            connection.commit()
        return len(rows)

    return work


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


LIMITS = {
    "fetch": ("limit: fetch, kept nowhere", _fetch),
    "parse-compat32": ("limit: email, compat32", _parse(None)),
    "parse-default": ("limit: email, policy.default", _parse(email.policy.default)),
    "copy": ("limit: COPY of rows", _copy),
}


def main() -> None:
    """Do one of them, and print how many messages, wall, user and system seconds as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=LIMITS)
    for name in ("host", "port", "user", "password", "database"):
        parser.add_argument(name)
    given = parser.parse_args()
    prepare = LIMITS[given.kind][1]
    work = prepare((given.host, int(given.port), given.user, given.password), given.database)
    started, before = time.perf_counter(), os.times()
    done = work()
    wall_s, after = time.perf_counter() - started, os.times()
    print(json.dumps([done, wall_s, after.user - before.user, after.system - before.system]))


if __name__ == "__main__":
    main()
