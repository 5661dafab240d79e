"""Cyrus, private to the test session: of Debian's packages, which cannot be installed beside Dovecot's."""

import os
import pwd
import shutil
import ssl
import subprocess
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from string import Template

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from tests.servers import installed
from tests.servers.certificates import issue
from tests.servers.imap import ImapServer, ImapUser
from tests.servers.process import (
    START_TIMEOUT_S,
    Identity,
    ServerFailed,
    ServerProcess,
    Unavailable,
    identity_of,
    start_on_free_ports,
)


class Cyrus(ImapServer):
    """A Cyrus that runs; `start` makes one."""

    name = "cyrus"
    host = "127.0.0.1"
    supports_starttls = True

    def __init__(self, unpacked: Path, folder: Path) -> None:
        self.ca_file = issue(folder).ca_file
        self._user_numbers = count(1)
        self._folder = folder
        # Cyrus refuses to be root.
        self._identity: Identity = identity_of("nobody") if os.geteuid() == 0 else {}
        for name in ["mail", "state", "state/socket"]:
            (folder / name).mkdir()
        # That user may have no way to the checkout, and a space in its name would be two words in cyrus.conf.
        shutil.copytree(unpacked, folder / "unpacked", symlinks=True)
        self._process = start_on_free_ports(2, self._start_on)

    def new_user(self) -> ImapUser:
        user = ImapUser(f"user-{next(self._user_numbers)}@example.com", token_urlsafe(9))
        name, _, domain = user.username.partition("@")
        options: list[str | Path] = ["-p", "-c", "-f", self._folder / "state" / "users.db", "-u", domain]
        subprocess.run(
            [*self._program("usr/sbin/saslpasswd2"), *options, name],
            input=user.password.encode(),
            check=True,
            **self._identity,
        )
        return user

    def stop(self) -> None:
        self._process.stop()

    def _start_on(self, ports: list[int]) -> ServerProcess:
        self.port, self.tls_port = ports
        user = pwd.getpwuid(self._identity.get("user", os.geteuid())).pw_name
        for name in ["cyrus.conf", "cyrus-imapd.conf"]:
            template = Template((Path(__file__).parent / name).read_text())
            config = template.substitute(
                folder=self._folder, user=user, listen=self.host, port=self.port, tls_port=self.tls_port
            )
            (self._folder / name).write_text(config)
        for path in [self._folder, *self._folder.iterdir(), self._folder / "state" / "socket"]:
            shutil.chown(path, user)
        options: list[str | Path] = ["-D", "-C", self._folder / "cyrus-imapd.conf"]
        options += ["-M", self._folder / "cyrus.conf", "-p", self._folder / "state" / "master.pid"]
        process = ServerProcess(
            [*self._program("usr/lib/cyrus/bin/master"), *options],
            log=self._folder / "cyrus.log",
            identity=self._identity,
        )
        process.wait_until(self._is_ready)
        return process

    def _program(self, name: str) -> list[str | Path]:
        """The beginning of a command: a program, and where its libraries and those of its children are."""
        # Debian has a folder for each kind of processor, some libraries in /lib and others in /usr/lib.
        unpacked = self._folder / "unpacked"
        libraries = [*unpacked.glob("lib/*-linux-gnu*"), *unpacked.glob("usr/lib/*-linux-gnu*")]
        return ["env", f"LD_LIBRARY_PATH={os.pathsep.join(map(str, libraries))}", unpacked / name]

    def _is_ready(self) -> bool:
        """Whether both ports show our certificate.

        Cyrus goes on without a port that somebody else was faster to get, and tells only syslog.
        """
        trusting = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with IMAPClient(self.host, self.port, ssl=False, timeout=START_TIMEOUT_S) as client:
                client.starttls(trusting)
            with IMAPClient(self.host, self.tls_port, ssl_context=trusting, timeout=START_TIMEOUT_S):
                return True
        except ConnectionRefusedError:
            return False
        except (IMAPClientError, OSError) as error:
            ports = f"{self.port} or {self.tls_port}"
            raise ServerFailed(f"Cyrus: port {ports} may be already in use: {error}") from error


def start(folder: Path) -> Cyrus:
    """Start a Cyrus that keeps everything in `folder`.

    Args:
        folder: A short path, since sockets are made in it, that other users can pass through.

    Raises:
        Unavailable: Its packages are not there.
        ServerFailed: They are there and it does not start.
    """
    unpacked = installed.cyrus()
    if unpacked is None:
        raise Unavailable("Cyrus is not in .tools: python -m tests.servers.provide fetches it")
    return Cyrus(unpacked, folder)
