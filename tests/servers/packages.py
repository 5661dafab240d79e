"""The distribution's packages, installed without starting the services that come in them."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

# Debian asks this before it starts a service; 101 is "forbidden" (policy-rc.d's own specification).
_POLICY = Path("/usr/sbin/policy-rc.d")
_FORBID_START = "#!/bin/sh\nexit 101\n"

# Debian makes and starts a cluster as soon as PostgreSQL is installed, unless told otherwise.
_CLUSTER = Path("/etc/postgresql-common/createcluster.d/mail-archiver.conf")
_NO_CLUSTER = "create_main_cluster = false\n"


def install(names: Mapping[str, Sequence[str]]) -> bool:
    """Install packages, if this user may.

    Args:
        names: By package manager, what the packages are called there.

    Returns:
        Whether the package manager says that it went well.
    """
    root = _root_prefix()
    manager = next((each for each in names if shutil.which(each)), None)
    if root is None or manager is None:
        return False
    if manager == "apt-get":
        return _apt_get(root, names[manager])
    return _run([*root, manager, "install", "--assumeyes", *names[manager]])


def update() -> bool:
    """Learn anew what Debian's packages are, if this user may; returns whether that went well."""
    root = _root_prefix()
    return root is not None and _run([*root, "apt-get", "--quiet", "update"])


def _apt_get(root: list[str], names: Sequence[str]) -> bool:
    apt_get = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--assume-yes"]
    # Fails where one of many sources cannot be reached; what is known already may do.
    update()
    with _present(root, _POLICY, _FORBID_START, "755"), _present(root, _CLUSTER, _NO_CLUSTER, "644"):
        return _run([*apt_get, "install", "--no-install-recommends", *names])


@contextmanager
def _present(root: list[str], path: Path, content: str, mode: str) -> Iterator[None]:
    """Have this file for a while; one that is there already stays as it is."""
    if path.exists():
        yield
        return
    with NamedTemporaryFile("w") as written:
        written.write(content)
        written.flush()
        _run([*root, "install", "-D", "-m", mode, written.name, str(path)])
    try:
        yield
    finally:
        _run([*root, "rm", "-f", str(path)])


def _root_prefix() -> list[str] | None:
    """What to put before a command so that root runs it; None when this user may not."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    return sudo if shutil.which("sudo") and _run([*sudo, "true"]) else None


def _run(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode == 0
