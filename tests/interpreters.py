"""The unit tests on every other interpreter of this machine: `python -m tests.interpreters`.

The standard library's `email` differs between versions, and a message has to be read alike by all of them.
Looks for Python 3.11 to 3.14 in PATH and among pyenv's versions, takes the newest of each minor version that
pyproject.toml allows, but for the one it runs on itself (whose tests `make test` runs), and gives each an
environment in `.tools`. Prints one line for each that it finds; ends with 1 when tests have failed on one.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import SpecifierSet

PROJECT = Path(__file__).parents[1]
MINORS = range(11, 15)
ANSWER_TIMEOUT_S = 30

_SYNC = "sync --quiet --frozen --all-extras --no-python-downloads"
_WHO = "import json, os, sys; print(json.dumps([sys.version_info[:3], os.path.realpath(sys.executable)]))"


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python 3 on this machine."""

    version: tuple[int, int, int]
    program: str

    def __str__(self) -> str:
        return f"Python {'.'.join(map(str, self.version))} ({self.program})"


def main() -> int:
    """Run the tests on each, and tell in a line each; returns the exit code."""
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    allowed = SpecifierSet(pyproject["project"]["requires-python"])
    code = ran = 0
    for interpreter, reason in choose(find(), allowed, sys.version_info[:3]):
        if reason:
            print(f"{interpreter}: not run, {reason}", flush=True)
            continue
        ran += 1
        print(f"{interpreter}: ", end="", flush=True)
        if failure := _test(interpreter):
            print(f"FAILED\n{failure}", flush=True)
            code = 1
    if not ran:
        print("No other interpreter here to run the unit tests on: looked for Python 3.11 to 3.14.")
    return code


def find() -> set[Interpreter]:
    """Every interpreter that answers, under whatever names; pyenv's shims may not."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [Path(each) for each in os.get_exec_path()] + sorted((pyenv / "versions").glob("*/bin"))
    programs = (folder / f"python3.{minor}" for folder in folders for minor in MINORS)
    return {found for program in programs if program.is_file() for found in _ask(program)}


def choose(
    found: Iterable[Interpreter], allowed: SpecifierSet, own: tuple[int, int, int]
) -> Iterator[tuple[Interpreter, str]]:
    """Say of each, the oldest first, why it is not run; "" for those that are.

    Args:
        own: The version that the tests have run on already.
    """
    newest = {each.version[:2]: each for each in sorted(found)}
    for each in sorted(found):
        if ".".join(map(str, each.version)) not in allowed:
            yield each, f"requires-python is {allowed}"
        elif each.version == own:
            yield each, "make test runs on it"
        elif each is not newest[each.version[:2]]:
            yield each, f"{newest[each.version[:2]]} is newer"
        else:
            yield each, ""


def _ask(program: Path) -> Iterator[Interpreter]:
    """What it says of itself, if anything."""
    try:
        answer = subprocess.run(
            [program, "-I", "-c", _WHO], capture_output=True, timeout=ANSWER_TIMEOUT_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return
    version, path = json.loads(answer)
    yield Interpreter(tuple(version), path)


def _test(interpreter: Interpreter) -> str:
    """Install all that is locked and run the tests; prints how many passed, or returns what went wrong."""
    environment = PROJECT / ".tools" / f"python-3.{interpreter.version[1]}"
    uv = Path(sys.executable).with_name("uv")
    commands: tuple[list[str | Path], ...] = (
        [uv, *_SYNC.split(), "--python", interpreter.program],
        [environment / "bin" / "pytest", "tests/unit", "--quiet", "--numprocesses=2"],
    )
    said = ""
    for command in commands:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said = done.stdout.strip()
        if done.returncode:
            return said
    print(said.splitlines()[-1], flush=True)
    return ""


if __name__ == "__main__":
    sys.exit(main())
