"""Packages of the distribution that must not be installed beside others: unpacked into a folder of .tools.

Nothing of theirs is set up: what a package would do when it is installed is for who starts its programs.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers import installed, packages

# As root, apt would fetch as a user who may not write to our folder, and say so at length.
_APT_GET = ["apt-get", "--quiet", "--option", "APT::Sandbox::User=root"]

# A library that is not installed yet; the version that one is upgraded from would stand in brackets before.
_NEW_LIBRARY = re.compile(r"^Inst (lib\S+) \(", re.MULTILINE)


def unpack(name: str, wanted: Sequence[str]) -> Path | None:
    """Fetch packages, and the libraries that they need and this machine lacks, into one folder.

    It is there whole or not at all; once it is there, nothing is fetched again. No right of root's is needed.

    Args:
        name: Of the folder in .tools.
        wanted: What the packages are called in Debian.

    Returns:
        The folder, which looks as / would had they been installed, or None where they cannot be had.
    """
    folder = installed.TOOLS / name
    if folder.exists():
        return folder
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return None
    installed.TOOLS.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=installed.TOOLS) as made:
        archives, root = Path(made, "archives"), Path(made, "root")
        archives.mkdir()
        # What is known of the packages may be nothing yet, or too old.
        if not (_download(wanted, archives) or (packages.update() and _download(wanted, archives))):
            return None
        if not all(_run(["dpkg", "--extract", each, root], made) for each in archives.glob("*.deb")):
            return None
        root.rename(folder)
    return folder


def _download(wanted: Sequence[str], folder: Path) -> bool:
    # Only simulated: that it would remove what they conflict with does no harm.
    plan = subprocess.run(
        [*_APT_GET, "--simulate", "--no-install-recommends", "install", *wanted],
        capture_output=True,
        text=True,
    )
    if plan.returncode:
        return False
    return _run([*_APT_GET, "download", *wanted, *_NEW_LIBRARY.findall(plan.stdout)], folder)


def _run(command: Sequence[str | Path], folder: str | Path) -> bool:
    return subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode == 0
