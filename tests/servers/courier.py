"""Courier, private to the test session: of Debian's packages, which cannot be installed beside Dovecot's."""

import os
import shutil
import socket
import subprocess
from base64 import b64encode
from contextlib import ExitStack, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from secrets import token_hex, token_urlsafe
from string import Template

from tests.servers import installed
from tests.servers.certificates import issue
from tests.servers.imap import GREETING_TIMEOUT_S, ImapServer, ImapUser, greets
from tests.servers.process import Identity, ServerProcess, Unavailable, identity_of, start_on_free_ports

_AUTHENTICATION = "usr/lib/courier/courier-authlib/authdaemond"
_AUTHENTICATION_SOCKET = "run/courier/authdaemon/socket"
_LOGIN = "usr/lib/courier/courier/imaplogin"
_MAKE_DATABASE = "usr/lib/courier/courier-authlib/makedatprog"
_MODULES = "usr/lib/courier-authlib"

# Where settings and socket are is compiled in. In their place come paths of the same length that count from
# the folder it is started in: nothing in this machine's /etc and /run is touched, and no two sessions meet.
_ETC = {b"/etc/courier/": b"etc//courier/"}
_RUN = {b"/run/courier/": b"run//courier/"}
_COMPILED_IN = {
    "usr/lib/libcourierauth.so.0": _RUN,
    _AUTHENTICATION: _RUN | _ETC,
    f"{_MODULES}/libauthuserdb.so.0": _ETC,
    # After a refused password it calls sleep(5); htonl(5) has no effect, and is done sooner.
    # The user that it becomes to serve STARTTLS is one that is there.
    _LOGIN: {b"\0sleep\0": b"\0htonl\0", b"\0courier\0": b"\0nobody\0\0"},
}


class Courier(ImapServer):
    """A Courier that runs; `start` makes one."""

    name = "courier"
    host = "127.0.0.1"
    tells_uidnext = False
    mailbox_prefix = "INBOX."

    def __init__(self, unpacked: Path, folder: Path) -> None:
        self._folder = folder
        self._user_numbers = count(1)
        self._users: list[str] = []
        self._identity: Identity = identity_of("nobody") if os.geteuid() == 0 else {}
        self._move_in(unpacked)
        certificates = issue(folder)
        self.ca_file = certificates.ca_file
        self._give_away(certificates.key_file)
        # What serves STARTTLS becomes another user, whose name has to be short: see above. Only root may.
        self.supports_starttls = bool(self._identity)
        self._environment = _environment(folder, starttls="YES" if self.supports_starttls else "NO")
        with ExitStack() as processes:
            self._processes = processes
            self._start_helpers()
            start_on_free_ports(2, self._listen_on)
            self._processes = processes.pop_all()

    def new_user(self) -> ImapUser:
        user = ImapUser(f"user-{next(self._user_numbers)}@example.com", token_urlsafe(9))
        home = self._folder / "mail" / user.username
        for made in ["", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"]:
            (home / made).mkdir()
            self._give_away(home / made)
        uid, gid = self._identity.get("user", os.geteuid()), self._identity.get("group", os.getegid())
        digest = b64encode(sha256(user.password.encode()).digest()).decode()
        self._users.append(f"{user.username}\tuid={uid}|gid={gid}|home={home}|imappw={{SHA256}}{digest}")
        text = self._folder / "users"
        text.write_text("\n".join([*self._users, ".\n"]))
        command = [_MAKE_DATABASE, str(text), "etc/courier/userdb.tmp", "etc/courier/userdb.dat"]
        subprocess.run(["env", *self._environment, *command], cwd=self._folder, check=True)
        return user

    def stop(self) -> None:
        self._processes.close()

    def _move_in(self, unpacked: Path) -> None:
        # The user that reads the mail may not pass through the checkout, hence the copy.
        shutil.copytree(unpacked, self._folder, symlinks=True, dirs_exist_ok=True)
        for name, replacements in _COMPILED_IN.items():
            _replace(self._folder / name, replacements)
        (self._folder / _AUTHENTICATION_SOCKET).parent.mkdir(parents=True)
        (self._folder / "mail").mkdir()
        settings = self._folder / "etc/courier"
        (settings / "authdaemonrc").write_text('authmodulelist="authuserdb"\ndaemons=2\n')
        # Courier keeps passwords in a file of their own; here they are with the rest.
        (settings / "userdbshadow.dat").symlink_to("userdb.dat")

    def _give_away(self, path: Path) -> None:
        """Let the user who reads the mail have it."""
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"])

    def _start_helpers(self) -> None:
        # Without a monitor of files, each look at a mailbox would wait a second for one.
        monitor = token_hex(8)
        self._environment.append(f"GAM_CLIENT_ID={monitor}")
        self._run("usr/libexec/gam_server", "--notimeout", monitor, identity=self._identity)
        self._run(_AUTHENTICATION).wait_until((self._folder / _AUTHENTICATION_SOCKET).exists)

    def _listen_on(self, ports: list[int]) -> None:
        self.port, self.tls_port = ports
        listen = ["usr/sbin/couriertcpd", f"-address={self.host}", "-nodnslookup", "-noidentlookup"]
        listen += ["-maxprocs=100", "-maxperip=100"]
        tls = ["usr/bin/couriertls", "-server", "-tcpd"]
        imap = [_LOGIN, str(self._folder / "usr/bin/imapd"), "Maildir"]
        for_plain = self._run(*listen, str(self.port), *imap)
        for_tls = self._run("IMAP_TLS=1", *listen, str(self.tls_port), *tls, *imap)
        for_plain.wait_until(lambda: greets(self.host, self.port))
        for_tls.wait_until(lambda: _accepts(self.host, self.tls_port))

    def _run(self, *command: str, identity: Identity | None = None) -> ServerProcess:
        process = ServerProcess(
            ["env", "-i", *self._environment, *command], log=self._folder / "courier.log", identity=identity
        )
        self._processes.callback(process.stop)
        return process


def start(folder: Path) -> Courier:
    """Start a Courier that keeps everything in `folder`.

    Args:
        folder: A short path, since a socket is made in it, that other users can pass through.

    Raises:
        Unavailable: Its packages are not there, or not as this module knows them.
        ServerFailed: They are there and it does not start.
    """
    unpacked = installed.courier()
    if unpacked is None:
        raise Unavailable("Courier is not in .tools: python -m tests.servers.provide fetches it")
    return Courier(unpacked, folder)


def _replace(program: Path, replacements: dict[bytes, bytes]) -> None:
    octets = program.read_bytes() if program.exists() else b""
    for compiled_in, other in replacements.items():
        if compiled_in not in octets:
            raise Unavailable(f"this version of Courier has no {compiled_in!r} in its {program.name}")
        octets = octets.replace(compiled_in, other)
    program.write_bytes(octets)


def _environment(folder: Path, *, starttls: str) -> list[str]:
    # Debian has a folder for each kind of processor.
    libraries = ":".join(
        map(str, [folder / "usr/lib", folder / _MODULES, *folder.glob("usr/lib/*-linux-gnu*")])
    )
    lines = (Path(__file__).parent / "courier.env").read_text().splitlines()
    settings = "\n".join(line for line in lines if line and not line.startswith("#"))
    return Template(settings).substitute(folder=folder, libraries=libraries, starttls=starttls).splitlines()


def _accepts(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), GREETING_TIMEOUT_S):
        return True
    return False
