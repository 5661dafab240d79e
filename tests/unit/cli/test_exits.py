"""Exit codes: one for each kind of failure, and which counts among several."""

import pytest

from mail_archiver.archiving.accounts import Report
from mail_archiver.archiving.work import Tally
from mail_archiver.cli import exits
from mail_archiver.errors import (
    AccountBusy,
    AuthenticationRefused,
    ConfigError,
    DatabaseRefused,
    DatabaseUnavailable,
    MailArchiverError,
    MailboxUnavailable,
    MessageRefused,
    RowsRefused,
    SchemaMismatch,
    ServerUnavailable,
    SourceError,
    StorageError,
    StoreError,
    TlsNotTrusted,
)

WHERE = {"account": "crm", "host": "imap.example.com"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (MailboxUnavailable("x", **WHERE), 78),
        (SchemaMismatch("x", database="d"), 78),
        (AuthenticationRefused("x", **WHERE), 77),
        (DatabaseRefused("x", database="d"), 77),
        (TlsNotTrusted("x", **WHERE), 76),
        (StorageError("x", storage="s"), 73),
        (ServerUnavailable("x", **WHERE), 69),
        (MessageRefused("x", **WHERE), 69),
        (DatabaseUnavailable("x", database="d"), 69),
        (RowsRefused("x", database="d"), 69),
        (AccountBusy("crm"), 75),
        (ZeroDivisionError(), 70),
    ],
)
def test_each_kind_of_error_has_its_code(error: Exception, code: int) -> None:
    assert exits.code_of(error) == code


def test_no_error_of_ours_counts_as_a_bug() -> None:
    def kinds(root: type[MailArchiverError]) -> list[type[MailArchiverError]]:
        return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]

    abstract = {MailArchiverError, SourceError, StoreError}
    known = tuple(kind for kind, _ in exits._CODES)
    assert [
        kind for kind in kinds(MailArchiverError) if kind not in abstract and not issubclass(kind, known)
    ] == []


@pytest.mark.parametrize(
    ("codes", "counts"),
    [
        ([], 0),
        ([0, 75], 75),
        ([75, 69, 77], 77),
        ([78, 70], 70),
        ([65, 75], 65),
        ([73, 69], 73),
        ([76, 73], 76),
    ],
)
def test_among_several_the_gravest_counts(codes: list[int], counts: int) -> None:
    assert exits.worst(codes) == counts


def test_a_quarantined_message_asks_to_try_again() -> None:
    assert exits.of_report(Report(Tally(archived=9, quarantined=1))) == 75
    assert exits.of_report(Report(Tally(archived=9, vanished=1))) == 0


def test_a_failure_is_told_as_a_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.failed(ConfigError("it is wrong", setting="accounts.crm.host", hint="Set it.")) == 78
    line = capsys.readouterr().err
    assert '"what": "it is wrong", "where": "accounts.crm.host", "hint": "Set it."' in line
    assert line.count("\n") == 1


def test_a_bug_is_told_by_its_place_and_never_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("a subject, a password")
    except ValueError as error:
        assert exits.failed(error) == 70
    line = capsys.readouterr().err
    assert "a bug: ValueError" in line
    assert "test_exits.py" in line
    assert "password" not in line
