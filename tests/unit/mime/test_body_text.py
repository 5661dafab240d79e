"""What a reader sees of a message, in both of its bodies."""

import pytest

from mail_archiver.domain.message import Message
from mail_archiver.mime.parse import parse_message


def read(kind: str, *parts: tuple[str, str]) -> Message:
    """A multipart of these parts, each a Content-Type (and further fields) and a body."""
    bodies = "".join(f"--b\r\nContent-Type: {fields}\r\n\r\n{body}\r\n" for fields, body in parts)
    return parse_message(f"Content-Type: multipart/{kind}; boundary=b\r\n\r\n{bodies}--b--\r\n".encode())


PRICE, LIST = ("text/html", "<p>It costs <b>90</b>.</p>"), ("text/plain", "-- \r\nThe list\r\n")
LIST_IN_HTML = '<div style="white-space: pre-wrap">-- \nThe list\n</div>\n'
BLANK = (
    "multipart/alternative; boundary=c",
    ("--c\r\n\r\n \r\n--c\r\nContent-Type: text/html\r\n\r\n<p>It costs 90.</p>\r\n--c--"),
)


@pytest.mark.parametrize(
    ("parts", "text", "html"),
    [
        ([PRICE, LIST], "It costs 90.\n-- \nThe list\n", PRICE[1] + "\n" + LIST_IN_HTML),
        ([LIST, PRICE], "-- \nThe list\n\nIt costs 90.", LIST_IN_HTML + "\n" + PRICE[1]),
        ([BLANK, LIST], "It costs 90.\n-- \nThe list\n", "<p>It costs 90.</p>\n" + LIST_IN_HTML),
        ([LIST, ("text/plain", "a < b")], "-- \nThe list\n\na < b", None),
        ([("text/html", ""), LIST], "-- \nThe list\n", ""),
    ],
)
def test_both_bodies_hold_all_that_is_seen_in_order(
    parts: list[tuple[str, str]], text: str, html: str | None
) -> None:
    message = read("mixed", *parts)
    assert (message.body_text, message.body_html) == (text, html)


@pytest.mark.parametrize(
    "excuse",
    ["", " \r\n", "Your mail program shows no HTML.", "Ce message est en HTML, merci de l'ouvrir ailleurs."],
)
def test_a_text_that_says_nothing_does_not_stand_for_the_html(excuse: str) -> None:
    assert read("alternative", ("text/plain", excuse), PRICE).body_text == "It costs 90."


def test_a_text_about_html_is_one() -> None:
    text = "We write our pages in HTML. " + "Here is how we do it, step by step. " * 12
    assert read("alternative", ("text/plain", text), PRICE).body_text == text


def test_an_alternative_with_a_name_is_a_body() -> None:
    message = read(
        "alternative", ('text/plain; name="a.txt"', "Hello"), ('text/html; name="a.html"', "<p>Hello")
    )
    assert (message.body_text, message.body_html, message.attachments) == ("Hello", "<p>Hello", ())


@pytest.mark.parametrize("kind", ["text/x-amp-html", "text/watch-html"])
def test_an_alternative_for_other_readers_is_no_attachment(kind: str) -> None:
    message = read("alternative", ("text/plain", "Hello"), (kind, "<p>Hello"), ("text/html", "<p>Hello"))
    assert (message.body_text, message.body_html, message.attachments) == ("Hello", "<p>Hello", ())


@pytest.mark.parametrize("told", ['type="text/html"', 'type="TEXT/HTML"', 'start="<root@x>"'])
def test_the_root_of_what_is_related_stands_anywhere(told: str) -> None:
    picture = ("image/png\r\nContent-ID: <p@x>", "PNG")
    message = read(f"related; {told}", picture, ("text/html\r\nContent-ID: <root@x>", '<img src="cid:p@x">'))
    assert message.body_html == '<img src="cid:p@x">'
    assert [(each.content_type, each.inline) for each in message.attachments] == [("image/png", True)]


@pytest.mark.parametrize(
    "meta",
    [
        '<meta charset="iso-8859-2">',
        "<META http-equiv='Content-Type' content='text/html; charset=iso-8859-2'>",
    ],
)
def test_html_says_its_charset_itself(meta: str) -> None:
    source = b"Content-Type: text/html\r\n\r\n" + f"<head>{meta}</head>Łódź".encode("iso-8859-2")
    message = parse_message(source)
    assert (message.body_text, message.defects) == ("Łódź", ())


def test_the_charset_of_the_field_counts_before_that_of_the_html() -> None:
    source = b"Content-Type: text/html; charset=utf-8\r\n\r\n" + '<meta charset="latin1">Łódź'.encode()
    assert parse_message(source).body_text == "Łódź"


@pytest.mark.parametrize(
    ("declared", "is_text"),
    [("application-x-gzip", False), ("image", False), ("text", True), ("plain", True), ("", True)],
)
def test_what_names_another_kind_than_text_is_an_attachment(declared: str, is_text: bool) -> None:
    message = parse_message(f"Content-Type: {declared}; name=a.gz\r\n\r\nx".encode())
    assert (message.body_text == "x", len(message.attachments)) == (is_text, int(not is_text))
