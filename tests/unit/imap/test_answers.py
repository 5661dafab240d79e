import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.imap.answers import asked_pause_s, asks_to_come_back


@pytest.mark.parametrize(
    "answer",
    [
        "[UNAVAILABLE] Temporary authentication failure.",
        "[InUse] Too many simultaneous connections.",
        "[LIMIT] Too many messages",
        "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
        "[THROTTLED] Slow down",
        "User is authenticated but not connected.",
        "Server Busy. Suggested Backoff Time: 299961 milliseconds",
        "Request is throttled. Suggested Backoff Time: 200 milliseconds",
    ],
)
def test_a_server_that_cannot_now_is_told_from_one_that_will_not(answer: str) -> None:
    assert asks_to_come_back(answer)
    assert asks_to_come_back(f"fetch failed: {answer.upper()}")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[AUTHENTICATIONFAILED] Authentication failed.",
        "[ALERT] Invalid credentials (Failure)",
        "[NONEXISTENT] Unknown Mailbox: Unavailable",
        "The specified message cannot be found.",
        "[TRYCREATE] No such mailbox",
    ],
)
def test_a_refusal_is_one(answer: str) -> None:
    assert not asks_to_come_back(answer)
    assert asked_pause_s(answer) == 0


@pytest.mark.parametrize(
    ("answer", "pause_s"),
    [
        ("Suggested Backoff Time: 300 milliseconds", 0.3),
        ("suggested backoff time 1500 ms", 1.5),
        ("Suggested Backoff Time: 299961", 299.961),
        ("Backoff Time: 7 seconds", 7),
        ("Backoff Time: 7 Seconds", 7),
        ("Backoff Time: 7 s", 7),
        ("Backoff Time: soon", 0),
        ("Backoff Time: -5 milliseconds", 0),
    ],
)
def test_how_long_it_asks_for(answer: str, pause_s: float) -> None:
    assert asked_pause_s(answer) == pause_s


@given(st.text())
def test_any_text_is_taken(answer: str) -> None:
    assert asked_pause_s(answer) >= 0
    assert asked_pause_s(f"Suggested Backoff Time: {answer}") >= 0
    asks_to_come_back(answer)
