from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.archiving.forwards import (
    ANN,
    LANGUAGES,
    MAIL,
    OWN,
    PROGRAMS,
    TOM,
    Forward,
    Words,
    block,
    find,
    find_in_text,
    message,
)

from mail_archiver.archiving.forwarded import find_forwarded
from mail_archiver.domain.address import Address
from mail_archiver.mime.parse import parse_message


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
def test_finds_the_client_in_what_every_program_forwards(
    program: Callable[[Words], Forward], language: str
) -> None:
    forward = program(LANGUAGES[language])
    ((name, address, rule),) = find(message(*forward))
    assert (name, address) == ("Ann Client", "ann@client.example")
    # French, Spanish and Portuguese share "De:", the only word that Gmail translates.
    is_shared = program.__name__.startswith("gmail") and language in ("fr", "es", "pt")
    assert rule == ("forwarded-block" if is_shared else f"forwarded-block-{language}")


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("language", LANGUAGES)
def test_finds_the_client_without_the_prefix_of_the_subject(
    program: Callable[[Words], Forward], language: str
) -> None:
    forward = program(LANGUAGES[language])
    for subject in ("A client asks for an offer", None):
        assert [found[1] for found in find(message(subject, forward.text, forward.html))] == [
            "ann@client.example"
        ]


# One client's mail within another's, and our own people between.


def test_of_nested_forwards_the_outermost_is_who_wrote_to_us() -> None:
    text = f"See below.\n\n{block(ANN)}\nPlease help Bob.\n\n{block('Bob <bob@far.example>')}\nHello Ann"
    assert find_in_text(text) == ["ann@client.example"]


def test_a_colleague_who_handed_it_on_is_no_client() -> None:
    text = f"For the file.\n\n{block('Bea <bea@sales.example.com>')}\nTom, see this.\n\n{block(ANN)}\n{MAIL}"
    assert find_in_text(text) == ["ann@client.example"]


def test_a_client_may_stand_far_below_the_colleague_who_handed_it_on() -> None:
    text = f"{block(TOM)}\n" + "What Tom has to say.\n\n" * 100 + f"{block(ANN)}\n{MAIL}"
    assert find_in_text(text, "Hello") == ["ann@client.example"]


def test_what_only_our_own_people_wrote_links_nobody() -> None:
    assert find_in_text(f"{block(TOM)}\nHello\n\n{block('The box <crm@hosted.example>')}\n") == []


def test_a_name_without_an_address_is_not_replaced_by_who_stands_further_in() -> None:
    assert find_in_text(f"{block('Ann Client')}\nHello\n\n{block('Bob <bob@far.example>')}\n") == []


def test_the_html_tells_the_address_that_the_text_leaves_out() -> None:
    html = block('<a href="mailto:ann@client.example">Ann Client</a>').replace("\n", "<br>\n")
    assert find(message("FW: The offer", block("Ann Client"), html)) == [
        ("Ann Client", "ann@client.example", "forwarded-block-en")
    ]


def test_a_forward_is_found_below_much_of_our_own_text_when_its_subject_says_so() -> None:
    text = "One more line of ours.\n" * 200 + f"\n{block(ANN)}\n{MAIL}"
    assert find_in_text(text, "TR: The offer") == ["ann@client.example"]
    assert find_in_text(text, "Our news") == []


@pytest.mark.parametrize(
    "subject", ["RE: The offer", "AW: Das Angebot", "R: L'offerta", "[crm] Re: The offer"]
)
def test_the_same_block_in_a_reply_forwards_nothing(subject: str) -> None:
    assert find_in_text(f"Dear Ann\n\n{block(ANN)}\n{MAIL}", subject) == []


def test_a_reply_may_forward_what_a_line_introduces_as_forwarded() -> None:
    text = f"---------- Forwarded message ---------\n{block(ANN)}\n{MAIL}"
    assert find_in_text(text, "Re: The offer") == ["ann@client.example"]


@pytest.mark.parametrize("subject", ["FW: RE: The offer", "TR: RE : L'offre", "[crm] WG: AW: Das Angebot"])
def test_a_reply_that_is_forwarded_is_a_forward(subject: str) -> None:
    assert find_in_text(f"{block(ANN)}\n{MAIL}", subject) == ["ann@client.example"]


# Messages that are attached.


def test_an_attached_message_counts_before_the_text() -> None:
    inner = message("The offer", MAIL, sender='"Client, Ann" <Ann@Client.example>')
    outer = message("FW: The offer", f"{block('Bob <bob@far.example>')}\n{MAIL}", attached=(inner,))
    assert find(outer) == [("Client, Ann", "Ann@Client.example", "forwarded-attachment")]


def test_each_attached_message_has_a_sender_of_its_own() -> None:
    senders = (ANN, "Bob <bob@far.example>", TOM, "ANN@client.example")
    outer = message("Three mails", "See", attached=tuple(message("Hi", "Hi", sender=s) for s in senders))
    assert [address for _, address, _ in find(outer)] == ["ann@client.example", "bob@far.example"]


def test_what_is_attached_to_an_attached_message_is_not_ours_to_tell() -> None:
    inner = message("Hi", "Hi", sender=ANN, attached=(message("Hi", "Hi", sender="Bob <bob@far.example>"),))
    assert [address for _, address, _ in find(message("Fwd", "See", attached=(inner,)))] == [
        "ann@client.example"
    ]


def test_the_recipients_of_what_we_sent_ourselves_are_found_in_the_message_that_is_attached() -> None:
    header = (
        b"From: tom@example.com\r\nTo: Ann <ann@client.example>, tom@example.com\r\nCc: b@far.example\r\n"
    )
    sent = header + b"\r\nHi\r\n"
    assert find(message("Fwd: The offer", "For the file.", attached=(sent,))) == [
        ("Ann", "ann@client.example", "forwarded-attachment-recipient"),
        ("", "b@far.example", "forwarded-attachment-recipient"),
    ]


def test_the_text_is_read_when_only_our_own_mail_is_attached() -> None:
    outer = message("FW: x", f"{block(ANN)}\n{MAIL}", attached=(message("Ours", "Hi", sender=TOM),))
    assert find(outer) == [("Ann Client", "ann@client.example", "forwarded-block-en")]


def test_a_message_that_is_attached_as_a_file_counts_by_its_name() -> None:
    source = (
        b'From: tom@example.com\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\n\r\nSee\r\n--b\r\n"
        b'Content-Type: application/octet-stream; name="The offer.EML"\r\n\r\n'
        b"From: =?utf-8?q?Ren=C3=A9e?= <renee@client.example>\r\nSubject: x\r\n\r\nHi\r\n--b--\r\n"
    )
    assert find(source) == [("Renée", "renee@client.example", "forwarded-attachment")]


def test_mail_that_a_mail_system_returns_is_not_forwarded() -> None:
    source = (
        b"From: MAILER-DAEMON@example.com\r\nSubject: Undelivered\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\n\r\nFailed\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; x\r\n\r\n"
        b"Final-Recipient: rfc822; x@y.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: ann@client.example\r\n\r\nHi\r\n--b--\r\n"
    )
    assert find(source) == []


def test_an_automatic_reply_forwards_nothing() -> None:
    source = b"Auto-Submitted: auto-replied\r\n" + message("Away", f"I am away.\n\n{block(ANN)}\n{MAIL}")
    assert find(source) == []


@given(st.sampled_from(["Fwd: x", "RE: x", "x", None]), st.binary(max_size=300))
def test_any_message_is_read(subject: str | None, octets: bytes) -> None:
    source = message(subject, f"{block(ANN)}\n") + octets
    assert all(isinstance(found, Address) for found in find_forwarded(parse_message(source), OWN))
