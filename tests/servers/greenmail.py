"""GreenMail, the second opinion on IMAP: in a container, else as a Java process from its jar."""

import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from urllib.request import Request, urlopen

from tests.servers import containers, installed
from tests.servers.certificates import PKCS12_PASSWORD, issue
from tests.servers.imap import ImapServer, ImapUser
from tests.servers.process import ServerProcess, Unavailable, start_on_free_ports

API_TIMEOUT_S = 10.0

# A test session is short: the second compiler and more than one collector only cost its start.
_JVM_OPTIONS = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"]


class GreenMail(ImapServer):
    """A GreenMail that runs, with logins and passwords of its own; `start` makes one."""

    name = "greenmail"
    supports_starttls = False

    def __init__(self, folder: Path) -> None:
        self._certificates = issue(folder)
        self.ca_file = self._certificates.ca_file
        self._user_numbers = count(1)
        self._api_port = 0

    def new_user(self) -> ImapUser:
        user = ImapUser(f"user-{next(self._user_numbers)}@example.com", token_urlsafe(9))
        account = {"login": user.username, "email": user.username, "password": user.password}
        request = Request(
            f"http://{self.host}:{self._api_port}/api/user",
            json.dumps(account).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=API_TIMEOUT_S):
            return user

    def _is_ready(self) -> bool:
        url = f"http://{self.host}:{self._api_port}/api/service/readiness"
        with suppress(OSError), urlopen(url, timeout=API_TIMEOUT_S):
            return True
        return False


def start(folder: Path) -> GreenMail:
    """Start a GreenMail whose certificate and log are in `folder`; mail is kept in memory.

    Raises:
        Unavailable: Neither a Docker engine with its image nor Java with its jar is there.
        ServerFailed: It is there and does not start.
    """
    if containers.can_run(containers.GREENMAIL):
        return _GreenMailContainer(folder)
    java, jar = installed.java(), installed.greenmail()
    if java is None:
        raise Unavailable("GreenMail needs a Docker engine or Java, and neither is there")
    if jar is None:
        raise Unavailable("GreenMail's jar is not in .tools: python -m tests.servers.provide fetches it")
    return _GreenMailProcess(java, jar, folder)


class _GreenMailProcess(GreenMail):
    host = "127.0.0.1"

    def __init__(self, java: Path, jar: Path, folder: Path) -> None:
        super().__init__(folder)
        self._java = java
        self._jar = jar
        self._folder = folder
        self._process = start_on_free_ports(3, self._start_on)

    def stop(self) -> None:
        self._process.stop()

    def _start_on(self, ports: list[int]) -> ServerProcess:
        self.port, self.tls_port, self._api_port = ports
        options = [
            f"-Dgreenmail.imap.hostname={self.host}",
            f"-Dgreenmail.imap.port={self.port}",
            f"-Dgreenmail.imaps.hostname={self.host}",
            f"-Dgreenmail.imaps.port={self.tls_port}",
            f"-Dgreenmail.api.hostname={self.host}",
            f"-Dgreenmail.api.port={self._api_port}",
            f"-Dgreenmail.tls.keystore.file={self._certificates.pkcs12_file}",
            f"-Dgreenmail.tls.keystore.password={PKCS12_PASSWORD}",
        ]
        process = ServerProcess(
            [self._java, *_JVM_OPTIONS, *options, "-jar", self._jar], log=self._folder / "greenmail.log"
        )
        process.wait_until(self._is_ready)
        return process


class _GreenMailContainer(GreenMail):
    _KEYSTORE = "/home/greenmail/server.p12"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        options = [
            "-Dgreenmail.setup.test.imap",
            "-Dgreenmail.setup.test.imaps",
            "-Dgreenmail.hostname=0.0.0.0",
            f"-Dgreenmail.tls.keystore.file={self._KEYSTORE}",
            f"-Dgreenmail.tls.keystore.password={PKCS12_PASSWORD}",
        ]
        container = containers.of(containers.GREENMAIL).with_exposed_ports(3143, 3993, 8080)
        container.with_copy_into_container(self._certificates.pkcs12_file, self._KEYSTORE)
        # The image's own value of this variable lets everyone in, whatever the password.
        container.with_env("GREENMAIL_OPTS", " ".join(options))
        self._container = container
        containers.start(container, self._is_ready)

    def stop(self) -> None:
        self._container.stop()

    def _is_ready(self) -> bool:
        self.host = self._container.get_container_host_ip()
        self.port = self._container.get_exposed_port(3143)
        self.tls_port = self._container.get_exposed_port(3993)
        self._api_port = self._container.get_exposed_port(8080)
        return super()._is_ready()
