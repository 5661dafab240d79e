"""Dovecot, private to the test session: a child process, or a container where it is not installed."""

import grp
import os
import pwd
import subprocess
from abc import abstractmethod
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from string import Template

from tests.servers import containers, installed
from tests.servers.certificates import issue
from tests.servers.imap import ImapServer, ImapUser, greets
from tests.servers.process import ServerProcess, Unavailable, start_on_free_ports

# Who does what when root starts it: users that its packages make, and 65534, nobody, for the mail.
_ROOTS_IDENTITIES = {
    "internal_user": "dovecot",
    "internal_group": "dovecot",
    "login_user": "dovenull",
    "mail_uid": "65534",
    "mail_gid": "65534",
}

_NO_TOKEN_SERVER = "http://127.0.0.1:1/"

# Dovecot 2.3 wants this in a file of its own.
_OAUTH2_CONFIG = """\
introspection_url = {}
introspection_mode = post
username_attribute = email
active_attribute = active
active_value = true
"""


class Dovecot(ImapServer):
    """A Dovecot that runs; `start` makes one."""

    name = "dovecot"
    supports_starttls = True
    takes_tokens = False
    """Whether it knows a token server."""

    def __init__(self, folder: Path) -> None:
        self.ca_file = issue(folder).ca_file
        self._user_numbers = count(1)

    def new_user(self) -> ImapUser:
        user = ImapUser(f"user-{next(self._user_numbers)}@example.com", token_urlsafe(9))
        self._write_passwd_file(user.username, f"{user.username}:{user.password}:::::\n")
        return user

    def set_uidvalidity(self, user: ImapUser, mailbox: str, uidvalidity: int) -> None:
        """Begin a new life of a mailbox, as a server that was restored does; the UIDs stay."""
        self.doveadm("mailbox", "update", "-u", user.username, "--uid-validity", str(uidvalidity), mailbox)

    def start_again(self) -> None:
        """After `stop`, serve the same mail on the same ports.

        Raises:
            Unavailable: This one cannot.
        """
        raise Unavailable("a Dovecot in a container gets other ports")

    @abstractmethod
    def doveadm(self, *arguments: str) -> str:
        """What `doveadm` prints, for example for `doveadm("kick", user.username)`.

        Raises:
            subprocess.CalledProcessError: It refused; `stderr` says why.
        """

    @abstractmethod
    def _write_passwd_file(self, name: str, line: str) -> None:
        """Make a user known."""


def start(folder: Path, introspection_url: str = _NO_TOKEN_SERVER) -> Dovecot:
    """Start a Dovecot that keeps everything in `folder`.

    Args:
        folder: A short path, since sockets are made in it, that other users can pass through.
        introspection_url: Where it asks whose an access token is; not from a container, though.

    Raises:
        Unavailable: Neither Dovecot nor a Docker engine with its image is there.
        ServerFailed: It is there and does not start.
    """
    master, doveadm = installed.dovecot(), installed.doveadm()
    if master and doveadm:
        return _PrivateDovecot(master, doveadm, folder, introspection_url)
    if containers.can_run(containers.DOVECOT):
        return _DovecotContainer(folder)
    raise Unavailable("neither Dovecot nor a Docker engine: see python -m tests.servers.provide")


class _PrivateDovecot(Dovecot):
    host = "127.0.0.1"

    def __init__(self, master: Path, doveadm: Path, folder: Path, introspection_url: str) -> None:
        super().__init__(folder)
        self.takes_tokens = introspection_url != _NO_TOKEN_SERVER
        self._introspection_url = introspection_url
        self._master = master
        self._doveadm = doveadm
        self._folder = folder
        self._config_file = folder / "dovecot.conf"
        mail = folder / "mail"
        mail.mkdir()
        if os.geteuid() == 0:
            os.chown(mail, int(_ROOTS_IDENTITIES["mail_uid"]), int(_ROOTS_IDENTITIES["mail_gid"]))
        (folder / "users").mkdir()
        self._process = start_on_free_ports(2, self._start_on)

    def doveadm(self, *arguments: str) -> str:
        command: list[str | Path] = [self._doveadm, "-c", self._config_file, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def stop(self) -> None:
        self._process.stop()

    def start_again(self) -> None:
        self._process = self._start_on([self.port, self.tls_port])

    def _write_passwd_file(self, name: str, line: str) -> None:
        (self._folder / "users" / name).write_text(line)

    def _start_on(self, ports: list[int]) -> ServerProcess:
        self.port, self.tls_port = ports
        version = subprocess.run([self._master, "--version"], check=True, capture_output=True, text=True)
        identities = _ROOTS_IDENTITIES if os.geteuid() == 0 else _own_identities()
        config = _config(
            version.stdout,
            identities,
            folder=str(self._folder),
            listen=self.host,
            port=self.port,
            tls_port=self.tls_port,
            introspection_url=self._introspection_url,
        )
        (self._folder / "oauth2.conf").write_text(_OAUTH2_CONFIG.format(self._introspection_url))
        self._config_file.write_text(config)
        process = ServerProcess(
            [self._master, "-F", "-c", self._config_file], log=self._folder / "dovecot.log"
        )
        process.wait_until(lambda: greets(self.host, self.port))
        return process


class _DovecotContainer(Dovecot):
    _CONFIG_FILE = "/private/dovecot.conf"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        config = _config(
            "2.3",
            _ROOTS_IDENTITIES,
            folder="/private",
            listen="*",
            port=143,
            tls_port=993,
            introspection_url=_NO_TOKEN_SERVER,
        )
        start = "mkdir /private/users && install -d -o 65534 /private/mail && exec dovecot -F -c {}"
        container = containers.of(containers.DOVECOT).with_exposed_ports(143, 993)
        container.with_copy_into_container(config.encode(), self._CONFIG_FILE)
        oauth2 = _OAUTH2_CONFIG.format(_NO_TOKEN_SERVER).encode()
        container.with_copy_into_container(oauth2, "/private/oauth2.conf")
        container.with_copy_into_container(folder / "server.pem", "/private/server.pem")
        container.with_copy_into_container(folder / "server.key", "/private/server.key")
        container.with_command(["sh", "-c", start.format(self._CONFIG_FILE)])
        self._container = container
        containers.start(container, self._greets)

    def doveadm(self, *arguments: str) -> str:
        return self._run("doveadm", "-c", self._CONFIG_FILE, *arguments)

    def stop(self) -> None:
        self._container.stop()

    def _write_passwd_file(self, name: str, line: str) -> None:
        self._container.copy_into_container(line.encode(), f"/private/users/{name}")

    def _greets(self) -> bool:
        self.host = self._container.get_container_host_ip()
        self.port = self._container.get_exposed_port(143)
        self.tls_port = self._container.get_exposed_port(993)
        return greets(self.host, self.port)

    def _run(self, *command: str) -> str:
        result = self._container.exec(list(command))
        if result.exit_code:
            raise subprocess.CalledProcessError(result.exit_code, command, stderr=result.output)
        return result.output.decode()


def _config(version: str, identities: dict[str, str], **places: str | int) -> str:
    """The configuration for this version of Dovecot; 2.4 gave most settings other names."""
    name = "dovecot-2.3.conf" if version.startswith("2.3") else "dovecot-2.4.conf"
    return Template((Path(__file__).parent / name).read_text()).substitute(identities, **places)


def _own_identities() -> dict[str, str]:
    return {
        "internal_user": pwd.getpwuid(os.geteuid()).pw_name,
        "internal_group": grp.getgrgid(os.getegid()).gr_name,
        "login_user": pwd.getpwuid(os.geteuid()).pw_name,
        "mail_uid": str(os.geteuid()),
        "mail_gid": str(os.getegid()),
    }
