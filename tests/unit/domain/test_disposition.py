import pytest

from mail_archiver.domain.disposition import Action, Disposition, parse_disposition


@pytest.mark.parametrize(
    ("text", "disposition"),
    [
        ("keep", Disposition(Action.KEEP)),
        ("seen", Disposition(Action.SEEN)),
        ("delete", Disposition(Action.DELETE)),
        (" Seen ", Disposition(Action.SEEN)),
        ("move:Archive", Disposition(Action.MOVE, "Archive")),
        ("MOVE: Archive/2025 ", Disposition(Action.MOVE, "Archive/2025")),
        ("move:a:b", Disposition(Action.MOVE, "a:b")),
    ],
)
def test_a_disposition_is_read_as_people_write_it(text: str, disposition: Disposition) -> None:
    assert parse_disposition(text) == disposition


@pytest.mark.parametrize(
    "text", ["", "move", "move:", "move: ", "seen:Archive", "keep:x", "archive", "deleted", ":Archive"]
)
def test_anything_else_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(ValueError, match="keep, seen, delete or move:<mailbox>"):
        parse_disposition(text)


def test_only_keep_leaves_the_server_alone() -> None:
    assert not Disposition().touches("INBOX")
    assert all(Disposition(action, "x").touches("INBOX") for action in Action if action is not Action.KEEP)


@pytest.mark.parametrize(
    ("target", "mailbox", "touches"),
    [("Done", "Done", False), ("Done", "INBOX", True), ("inbox", "INBOX", False), ("done", "Done", True)],
)
def test_a_mailbox_is_not_moved_into_itself(target: str, mailbox: str, touches: bool) -> None:
    assert Disposition(Action.MOVE, target).touches(mailbox) is touches
