"""Whether what the program is installed with has a known vulnerability: `python -m tests.audit_dependencies`.

Asks whom pip-audit asks (PyPI, or what PIP_AUDIT_VULNERABILITY_SERVICE says) about the locked packages that
a user gets. Where nobody answers, it says so, and the lock alone counts: it must be current, with a hash for
every package. Ends with 1 when there is a vulnerability, or the lock is not as it should be.
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent

ANSWER_TIMEOUT_S = 5
AUDIT_TIMEOUT_S = 60
"""For all packages together; a source that is silent is given up after the first."""

_EXPORT = "export --quiet --locked --no-dev --all-extras --no-emit-project --format requirements.txt"
_AUDIT = "--disable-pip --require-hashes --progress-spinner off --format json"


@dataclass(frozen=True)
class Audit:
    """What is known of the locked packages.

    Attributes:
        vulnerabilities: One line each.
        unknown: Names of packages that the source does not know.
    """

    audited: int
    vulnerabilities: list[str]
    unknown: list[str]


def main() -> int:
    """Audit, and tell in a few lines; returns the exit code."""
    exported = subprocess.run([BIN / "uv", *_EXPORT.split()], capture_output=True, text=True)
    if exported.returncode:
        print(f"uv.lock is not current (run make lock): {exported.stderr.strip()}")
        return 1
    packages = re.findall(
        r"^([a-z0-9][^ =]*)==[^\n]*((?:\n    --hash=\S+.*)*)", exported.stdout, re.MULTILINE
    )
    without_hash = [name for name, hashes in packages if not hashes]
    if without_hash or not packages:
        print(f"uv.lock has no hash for {', '.join(without_hash) or 'anything'}")
        return 1
    audit = _ask(exported.stdout)
    if audit is None:
        print(
            f"{len(packages)} packages: nobody tells of vulnerabilities here;"
            " the lock is current, and has their hashes"
        )
        return 0
    for line in audit.vulnerabilities:
        print(line)
    unknown = f"; unknown to the source: {', '.join(audit.unknown)}" if audit.unknown else ""
    found = len(audit.vulnerabilities) or "no"
    print(f"{audit.audited} packages, {found} known vulnerabilities{unknown}")
    return 1 if audit.vulnerabilities else 0


def _ask(requirements: str) -> Audit | None:
    """Ask about packages; None where nobody answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        options = ["--requirement", file.name, "--timeout", str(ANSWER_TIMEOUT_S), *_AUDIT.split()]
        try:
            done = subprocess.run(
                [BIN / "pip-audit", *options], capture_output=True, text=True, timeout=AUDIT_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            return None
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):  # it has failed
        return None
    audited = [each for each in dependencies if "skip_reason" not in each]
    if not audited:  # a mirror of PyPI that has files and nothing else
        return None
    return Audit(
        len(audited),
        [
            f"{each['name']} {each['version']}: {known['id']}, mended in"
            f" {', '.join(known['fix_versions']) or 'no release yet'}"
            for each in audited
            for known in each["vulns"]
        ],
        [each["name"] for each in dependencies if "skip_reason" in each],
    )


if __name__ == "__main__":
    sys.exit(main())
