"""The work of the limits, in a process of its own, measured in there: without its start and what it prepares.

    python -m benchmarks.limit_work KIND HOST PORT CA_FILE USER PASSWORD DATABASE_URL

`limits` runs it.
"""

import argparse
import email
import email.policy
import io
import json
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg2
from imapclient import IMAPClient

_BUFFER_OCTETS = 1024 * 1024
_ROWS = 50
_TABLE = """
CREATE TABLE archive (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, fingerprint text NOT NULL UNIQUE, subject text,
    sender text, received_at timestamptz NOT NULL DEFAULT now(), body_text text, body_html text,
    size_octets bigint NOT NULL
)
"""


@dataclass(frozen=True)
class Place:
    """A mailbox and an empty database."""

    host: str
    port: int
    ca_file: str
    user: str
    password: str
    database: str


Work = Callable[[], int]
"""What is measured; returns how many messages it was done with."""


def _read(place: Place) -> Iterator[bytes]:
    """Every message of the INBOX."""
    with IMAPClient(place.host, place.port, ssl=False) as client:
        client._imap.debug = 0  # noqa: SLF001
        client.login(place.user, place.password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        for at in range(0, len(uids), _ROWS):
            for answer in client.fetch(uids[at : at + _ROWS], "BODY.PEEK[]").values():
                yield answer[b"BODY[]"]


def _fetch(place: Place) -> Work:
    return _fetch_from(socket.create_connection((place.host, place.port)), place)


def _fetch_over_tls(place: Place) -> Work:
    context = ssl.create_default_context(cafile=place.ca_file)
    peer = socket.create_connection((place.host, place.port))
    return _fetch_from(context.wrap_socket(peer, server_hostname=place.host), place)


def _fetch_from(peer: socket.socket, place: Place) -> Work:
    peer.recv(4096)
    peer.sendall(f'a LOGIN "{place.user}" "{place.password}"\r\n'.encode())
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


def _parse_bare(place: Place) -> Work:
    sources = list(_read(place))

    def work() -> int:
        for source in sources:
            email.message_from_bytes(source)
        return len(sources)

    return work


def _parse(policy: email.policy.Policy | None = None) -> Callable[[Place], Work]:
    """Every header and payload too, by the library's own default policy, compat32, or by another."""

    def prepare(place: Place) -> Work:
        sources = list(_read(place))

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


def _copy(place: Place) -> Work:
    rows = []
    for n, source in enumerate(_read(place)):
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
    connection = psycopg2.connect(place.database)
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


PREPARE: dict[str, Callable[[Place], Work]] = {
    "fetch": _fetch,
    "fetch-tls": _fetch_over_tls,
    "parse-bare": _parse_bare,
    "parse-compat32": _parse(),
    "parse-default": _parse(email.policy.default),
    "copy": _copy,
}


def main() -> None:
    """Do one of them, and print how many messages, wall, user and system seconds as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=PREPARE)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    for name in ("ca_file", "user", "password", "database"):
        parser.add_argument(name)
    given = parser.parse_args()
    place = Place(given.host, given.port, given.ca_file, given.user, given.password, given.database)
    work = PREPARE[given.kind](place)
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    done = work()
    wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    user_s, system_s = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(json.dumps([done, wall_s, user_s, system_s]))


if __name__ == "__main__":
    main()
