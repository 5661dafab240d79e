"""Sees to it that the servers of the test-suite are available: `python -m tests.servers.provide`.

Prints one line for each, with what the tests will use. Ends with 1 when Dovecot or PostgreSQL
can be had in no way; without one of the others its cases are skipped.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import containers, installed, packages
from tests.servers.unpacked import unpack


@dataclass(frozen=True)
class Requirement:
    """A server for the tests.

    `packages` has its name in each package manager, `find` says where it is, `image` is the container that
    does as well; the tests can do without one that has no image, and skip its cases.
    """

    name: str
    find: Callable[[], Path | None]
    packages: dict[str, str]
    image: str | None


REQUIREMENTS = [
    Requirement(
        "Dovecot",
        installed.dovecot,
        {"apt-get": "dovecot-imapd", "dnf": "dovecot"},
        containers.DOVECOT,
    ),
    Requirement(
        "PostgreSQL",
        installed.postgres,
        {"apt-get": "postgresql", "dnf": "postgresql-server"},
        containers.POSTGRES,
    ),
    Requirement(
        "PgBouncer",
        installed.pgbouncer,
        {"apt-get": "pgbouncer", "dnf": "pgbouncer"},
        None,
    ),
    Requirement(
        "MariaDB",
        installed.mariadb,
        {"apt-get": "mariadb-server-core", "dnf": "mariadb-server"},
        None,
    ),
]

# What conflicts with Dovecot's packages, by its folder in .tools: what Debian calls its packages.
UNPACKED = {
    "cyrus": ["cyrus-common", "cyrus-imapd", "sasl2-bin"],
    "courier": ["courier-imap", "courier-base", "courier-authlib", "courier-authlib-userdb", "gamin"],
}

# A jar that was cut off is fetched again.
_MAVEN_OPTIONS = ["-q", "-B", "-Dstyle.color=never", "-Dmdep.overWriteReleases=true", "dependency:copy"]


def main() -> int:
    """Provide all of them; returns the exit code."""
    missing = [each for each in REQUIREMENTS if each.find() is None]
    if missing:
        _say(f"installing {' and '.join(each.name for each in missing)}, if that is allowed here")
    # Apart, since a package manager that does not know one of them installs none.
    for some in ([e for e in missing if e.image], [e for e in missing if not e.image]):
        if some:
            packages.install(
                {manager: [each.packages[manager] for each in some] for manager in ("apt-get", "dnf")}
            )
    reports = [_report(each) for each in REQUIREMENTS]
    _say(f"GreenMail: {_provide_greenmail()}")
    for name, wanted in UNPACKED.items():
        _say(f"{name.capitalize()}: {_provide_unpacked(name, wanted)}")
    return 0 if all(reports) else 1


def _report(requirement: Requirement) -> bool:
    """Say what the tests will use; False when there is nothing and they cannot do without."""
    place = requirement.find()
    if place:
        _say(f"{requirement.name}: {place}")
    elif requirement.image is None:
        _say(f"{requirement.name}: its cases will be skipped, for want of the package")
    elif containers.can_run(requirement.image):
        _say(f"{requirement.name}: container {requirement.image}")
    else:
        names = " or ".join(f"{name} ({manager})" for manager, name in requirement.packages.items())
        _say(f"{requirement.name}: missing. Install the package {names}, or start a Docker engine.")
        return False
    return True


def _provide_greenmail() -> str:
    if containers.can_run(containers.GREENMAIL):
        return f"container {containers.GREENMAIL}"
    if installed.java() is None:
        return "its cases will be skipped, for want of a Docker engine or Java"
    if installed.greenmail() is None:
        maven = shutil.which("mvn")
        if maven is None:
            return "its cases will be skipped, for want of a Docker engine or Maven (mvn)"
        _fetch_greenmail(maven)
    jar = installed.greenmail()
    return f"{jar}" if jar else "its cases will be skipped: Maven did not get it"


def _fetch_greenmail(maven: str) -> None:
    artifact = f"com.icegreen:greenmail-standalone:{installed.GREENMAIL_VERSION}"
    subprocess.run(
        [maven, *_MAVEN_OPTIONS, f"-Dartifact={artifact}", f"-DoutputDirectory={installed.TOOLS}"],
        stdin=subprocess.DEVNULL,
    )


def _provide_unpacked(name: str, wanted: Sequence[str]) -> str:
    folder = unpack(name, wanted)
    return f"{folder}" if folder else f"its cases will be skipped: apt-get does not get {' '.join(wanted)}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
