"""Which interpreters the unit tests are run on."""

from packaging.specifiers import SpecifierSet
from tests.interpreters import Interpreter, choose

ALLOWED = SpecifierSet(">=3.11.5")


def chosen(*versions: tuple[int, int, int], own: tuple[int, int, int] = (3, 11, 7)) -> dict[str, str]:
    found = [Interpreter(version, f"/opt/{version}/python") for version in versions]
    return {
        ".".join(map(str, each.version)): "is run" if not reason else reason.split(" (")[0]
        for each, reason in choose(found, ALLOWED, own)
    }


def test_runs_the_newest_of_each_minor_version() -> None:
    assert chosen((3, 13, 0), (3, 12, 10), (3, 12, 9)) == {
        "3.12.9": "Python 3.12.10",
        "3.12.10": "is run",
        "3.13.0": "is run",
    }


def test_leaves_out_what_the_program_refuses_and_what_it_was_tested_on() -> None:
    assert chosen((3, 11, 2), (3, 11, 7)) == {
        "3.11.2": "requires-python is >=3.11.5",
        "3.11.7": "make test runs on it",
    }


def test_one_version_in_two_places_is_run_once() -> None:
    two = [Interpreter((3, 12, 1), "/opt/a/python"), Interpreter((3, 12, 1), "/opt/b/python")]
    assert sorted(reason == "" for _, reason in choose(two, ALLOWED, (3, 11, 7))) == [False, True]
