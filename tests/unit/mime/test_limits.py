"""Beyond a limit nothing is lost: what was read stays, a defect says what was not, the identity stays."""

import pytest

from mail_archiver.domain.limits import MAX_DEPTH, MAX_PARTS, Limits
from mail_archiver.domain.message import DefectCode, Message
from mail_archiver.mime.parse import parse_message
from mail_archiver.octets import whole

HEADER = b"Message-ID: <a@b.example>\r\nFrom: ann@client.example\r\nSubject: Plans\r\n"
CUT = DefectCode.HEADERS_TOO_LONG
MIXED = HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHere they are.\r\n"


def files(number: int, octets: int = 9) -> bytes:
    file = b"--b\r\nContent-Disposition: attachment; filename=%d.bin\r\n\r\n" + b"x" * octets + b"\r\n"
    return MIXED + b"".join(file % n for n in range(number)) + b"--b--\r\n"


def nested(levels: int) -> bytes:
    opened = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return HEADER + b"".join(opened) + b"Content-Disposition: attachment; filename=deep.bin\r\n\r\nx\r\n"


def enclosed(levels: int) -> bytes:
    return HEADER + b"".join(
        b"Content-Type: message/rfc822\r\n\r\nSubject: level %d\r\n" % n for n in range(levels)
    )


def codes(message: Message) -> set[DefectCode]:
    return {defect.code for defect in message.defects}


@pytest.mark.parametrize(
    ("source", "limits", "code"),
    [
        (files(5), Limits(parts=3), DefectCode.TOO_MANY_PARTS),
        (nested(5), Limits(depth=3), DefectCode.TOO_DEEP),
        (enclosed(5), Limits(depth=3), DefectCode.TOO_DEEP),
        (b"Comments: " + b"x" * 3000 + b"\r\n" + HEADER, Limits(header_octets=99), CUT),
        (HEADER + b"To: " + b"a@b.example, " * 9, Limits(addresses=5), DefectCode.TOO_MANY_ADDRESSES),
        (HEADER + b"To: " + b"<, " * 9, Limits(addresses=5), DefectCode.TOO_MANY_ADDRESSES),
        (HEADER + b"\r\n" + b"A line.\r\n" * 400, Limits(body_octets=2000), DefectCode.BODY_CUT),
        (files(5, octets=500), Limits(decoded_octets=1024), DefectCode.TOO_LARGE),
    ],
)  # fmt: skip
def test_each_limit_is_a_defect_and_no_loss(source: bytes, limits: Limits, code: DefectCode) -> None:
    limited, unlimited = parse_message(source, limits), parse_message(source)
    assert code in codes(limited)
    assert code not in codes(unlimited)
    assert limited.fingerprint == unlimited.fingerprint
    assert limited.source_sha256 == unlimited.source_sha256


def test_the_first_attachments_are_taken_out() -> None:
    message = parse_message(files(5), Limits(parts=3))
    assert [each.filename for each in message.attachments] == ["0.bin", "1.bin", "2.bin"]
    message = parse_message(files(5, octets=500), Limits(decoded_octets=1024))
    assert [each.filename for each in message.attachments] == ["0.bin", "1.bin"]


def test_the_beginning_of_a_text_is_kept_to_the_end_of_a_line() -> None:
    message = parse_message(HEADER + b"\r\n" + b"A line.\r\n" * 400, Limits(body_octets=2000))
    assert message.body_text == "A line.\n" * 222
    message = parse_message(HEADER + b"\r\n" + b"x" * 4000, Limits(body_octets=2000))
    assert message.body_text == "x" * 2000


@pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "iso-2022-jp"])
def test_no_character_is_cut_in_two(charset: str) -> None:
    header = HEADER + b"Content-Type: text/plain; charset=%b\r\n\r\n" % charset.encode()
    message = parse_message(header + "日本語です。\r\n".encode(charset) * 400, Limits(body_octets=2001))
    assert message.body_text is not None
    assert set(message.body_text.split()) == {"日本語です。"}
    assert codes(message) == {DefectCode.BODY_CUT}


def test_the_beginning_of_a_field_is_read() -> None:
    source = b"To: " + b"a@b.example, " * 999 + b"\r\nSubject: Plans\r\n\r\n"
    message = parse_message(source, Limits(header_octets=1300))
    assert len(message.addresses) == 100
    assert message.subject is None


def test_thousands_of_recipients_are_all_read() -> None:
    recipients = b",\r\n ".join(b"Recipient %d <r%d@client.example>" % (n, n) for n in range(3500))
    message = parse_message(HEADER + b"To: " + recipients + b"\r\nTo: one@more.example\r\n\r\n")
    assert len(message.addresses) == 1 + 3500 + 1
    assert message.addresses[-1].normalized == "one@more.example"
    assert message.defects == ()


def test_a_header_beyond_all_bounds_is_read_as_far_as_it_goes_and_the_body_is_found() -> None:
    source = HEADER + b"X-Long: " + b"x" * 5_000_000 + b"\r\nTo: never@read.example\r\n\r\nThe body.\r\n"
    message = parse_message(source)
    assert message.subject == "Plans"
    assert message.body_text == "The body.\n"
    assert DefectCode.HEADERS_TOO_LONG in codes(message)


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 1000])
def test_a_thousand_levels_are_no_matter(levels: int) -> None:
    assert DefectCode.TOO_DEEP in codes(parse_message(nested(levels)))
    messages = parse_message(enclosed(levels))
    assert DefectCode.TOO_DEEP in codes(messages) or DefectCode.TOO_LARGE in codes(messages)
    assert messages.attachments


def test_what_follows_the_last_part_that_is_read_is_one_more() -> None:
    message = parse_message(files(MAX_PARTS + 100))
    assert DefectCode.TOO_MANY_PARTS in codes(message)
    rest = message.attachments[-1]
    assert whole(rest.content).count(b"filename=") == 100 + 2  # the message and its text are parts too


def test_enclosed_messages_come_to_no_more_than_four_times_the_message() -> None:
    source = enclosed(40) + b"\r\n" + b"x" * 10_000
    message = parse_message(source)
    assert sum(len(each.content) for each in message.attachments) <= 4 * len(source)
    assert DefectCode.TOO_LARGE in codes(message)
