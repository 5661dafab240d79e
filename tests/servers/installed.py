"""Where the servers are on this machine, if they are: looked up, never started or imported."""

import os
import shutil
import zipfile
from pathlib import Path

GREENMAIL_VERSION = "2.1.3"
TOOLS = Path(__file__).parents[2] / ".tools"

# A user's PATH on Debian ends before the folders of the daemons.
_DAEMON_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])


def dovecot() -> Path | None:
    """The Dovecot master, when its IMAP part is there too (a package of its own on Debian)."""
    master = shutil.which("dovecot", path=_DAEMON_PATH)
    if master is None:
        return None
    has_imap = any((folder / "dovecot" / "imap").exists() for folder in _libexec(Path(master)))
    return Path(master) if has_imap else None


def doveadm() -> Path | None:
    """Dovecot's administration command."""
    found = shutil.which("doveadm", path=_DAEMON_PATH)
    return Path(found) if found else None


def postgres() -> Path | None:
    """The folder of PostgreSQL's server programs: of PATH, else the newest of the distribution's."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    # Debian keeps them out of PATH, a folder for each major version.
    installed = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(installed, key=lambda folder: float(folder.parent.name), default=None)


def pgbouncer() -> Path | None:
    """PgBouncer."""
    found = shutil.which("pgbouncer", path=_DAEMON_PATH)
    return Path(found) if found else None


def mariadb() -> Path | None:
    """MariaDB's server program."""
    found = shutil.which("mariadbd", path=_DAEMON_PATH)
    return Path(found) if found else None


def mariadb_share() -> Path | None:
    """The folder with the statements that make MariaDB's system tables."""
    folders = (Path("/usr/share/mariadb"), Path("/usr/share/mysql"))
    return next((each for each in folders if (each / "mysql_system_tables.sql").exists()), None)


def java() -> Path | None:
    """The Java launcher."""
    found = shutil.which("java")
    return Path(found) if found else None


def greenmail() -> Path | None:
    """GreenMail's jar, whole: a download that was cut off is no zip file."""
    jar = TOOLS / f"greenmail-standalone-{GREENMAIL_VERSION}.jar"
    return jar if zipfile.is_zipfile(jar) else None


def cyrus() -> Path | None:
    """The folder that Cyrus is unpacked in."""
    folder = TOOLS / "cyrus"
    return folder if (folder / "usr/lib/cyrus/bin/master").exists() else None


def courier() -> Path | None:
    """The folder that Courier is unpacked in."""
    folder = TOOLS / "courier"
    return folder if (folder / "usr/bin/imapd").exists() else None


def _libexec(master: Path) -> list[Path]:
    prefix = master.resolve().parents[1]
    return [prefix / "lib", prefix / "libexec"]
