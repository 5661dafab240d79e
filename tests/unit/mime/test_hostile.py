"""No repeated characters take long to read, wherever in a mail they stand.

A systematic search: every place where foreign text is read, and every character, and every pair of those
that mean something somewhere, repeated. All are read at a small size. Those that take longest there, and
those whose time grows most, are read at the size that the bound of one second is about (docs/DESIGN.md).
"""

import time
from heapq import nlargest
from itertools import permutations

import pytest

from mail_archiver.archiving.forwarded import find_forwarded
from mail_archiver.domain.address import OwnAddresses
from mail_archiver.mime.parse import parse_message

TINY_OCTETS, SMALL_OCTETS, LARGE_OCTETS = 4_000, 16_000, 1_000_000
DOUBTFUL_SECONDS = 0.001  # at the small size: four at the large one, should it grow with the square
MAX_SECONDS = 2.0  # of the processor: one, and room for a slow machine

FOLD = b"\r\n "
SINGLE = [*(bytes([each]) for each in b"()<>[]{}\"'\\,;:@=?*%&-_.a0 \t\r\n\0\xff\x1b"), FOLD]
MARKS = [*(bytes([each]) for each in b'(<"\\,;:@=?a '), FOLD]
UNITS = SINGLE + [first + second for first, second in permutations(MARKS, 2)]

FROM = b"From: ann@client.example\r\n"
DAEMON = b"From: MAILER-DAEMON@x.example\r\n"
MIXED = FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"


def typed(content_type: bytes, header: bytes = FROM) -> bytes:
    return header + b"Content-Type: " + content_type + b"\r\n\r\n"


def encoded(encoding: bytes) -> bytes:
    return FROM + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"


# What stands before the text, and after it.
PLACES: dict[str, tuple[bytes, bytes]] = {
    "To": (b"To: ", b"\r\n\r\n"),
    "To, quoted": (b'To: "', b" <a@b.example>\r\n\r\n"),
    "From, in a comment": (b"From: (", b" <a@b.example>\r\n\r\n"),
    "Subject": (b"Subject: ", b"\r\n\r\n"),
    "encoded word in Q": (b"Subject: =?utf-8?q?", b"?=\r\n\r\n"),
    "encoded word in B": (b"Subject: =?utf-8?b?", b"?=\r\n\r\n"),
    "charset of an encoded word": (b"Subject: =?", b"?q?a?=\r\n\r\n"),
    "Date": (b"Date: ", b"\r\n\r\n"),
    "Date, at its end": (b"Date: Mon, 5 Oct 2026 09:00:00 +0000 (", b"\r\n\r\n"),
    "Message-ID": (b"Message-ID: <", b"\r\n\r\n"),
    "References": (b"References: ", b"\r\n\r\n"),
    "In-Reply-To": (b"In-Reply-To: ", b"\r\n\r\n"),
    "Content-Type": (b"Content-Type: ", b"\r\n\r\n"),
    "Content-Type, boundary": (b'Content-Type: multipart/mixed; boundary="', b'"\r\n\r\n--a\r\n'),
    "Content-Type, name": (b"Content-Type: image/png; name=", b"\r\n\r\n"),
    "Content-Type, name of RFC 2231": (b"Content-Type: image/png; name*0*=utf-8''", b"\r\n\r\n"),
    "Content-Type, charset": (b'Content-Type: text/plain; charset="', b'"\r\n\r\n\xff'),
    "Content-Disposition": (b'Content-Disposition: attachment; filename="', b'"\r\n\r\n'),
    "Content-Transfer-Encoding": (b"Content-Transfer-Encoding: ", b"\r\n\r\n"),
    "List-Id": (b"List-Id: ", b"\r\n\r\n"),
    "Auto-Submitted": (b"Auto-Submitted: ", b"\r\n\r\n"),
    "X-Failed-Recipients": (b"X-Failed-Recipients: ", b"\r\n\r\n"),
    "Return-Path": (b"Return-Path: ", b"\r\n\r\n"),
    "header": (FROM, b"\r\n\r\n"),
    "name of a field": (FROM + b"X", b": x\r\n\r\n"),
    "text": (FROM + b"\r\n", b""),
    "text in UTF-7": (typed(b"text/plain; charset=utf-7"), b""),
    "text in ISO-2022-JP": (typed(b"text/plain; charset=iso-2022-jp"), b""),
    "forwarded block": (FROM + b"Subject: Fwd: x\r\n\r\nFrom: ", b"\nDate: 9:00\nSubject: a\nTo: b\n"),
    "HTML": (typed(b"text/html"), b""),
    "HTML, in a tag": (typed(b"text/html", FROM + b"Subject: Fwd: x\r\n") + b"<a href='", b""),
    "base64": (encoded(b"base64"), b""),
    "base64, begun": (encoded(b"base64") + b"QUJD" * 2000, b""),
    "quoted-printable": (encoded(b"quoted-printable"), b""),
    "uuencode": (encoded(b"x-uuencode") + b"begin 644 a\n", b"end\n"),
    "uuencode in text": (FROM + b"\r\nbegin 644 a\n", b"end\n"),
    "between delimiters": (MIXED, b"\r\n--b--\r\n"),
    "body between delimiters": (MIXED + b"\r\n", b"\r\n--b--\r\n"),
    "calendar": (typed(b"text/calendar"), b""),
    "delivery status": (typed(b"message/delivery-status", DAEMON) + b"Final-Recipient: rfc822; ", b"\n\n"),
    "text of a bounce": (DAEMON + b"\r\nerror a@b.example\n", b"\n"),
    "text returned with a bounce": (DAEMON + b"\r\nerror a@b.example\nReceived: ", b"\n"),
    "enclosed message": (typed(b"message/rfc822"), b""),
    "TNEF": (typed(b"application/ms-tnef") + b"\x78\x9f\x3e\x22\x00\x00", b""),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_reading_takes_no_longer_than_its_size_allows(place: str) -> None:
    small = {unit: seconds_to_read(place, unit, SMALL_OCTETS) for unit in UNITS}
    doubtful = [unit for unit in UNITS if small[unit] > DOUBTFUL_SECONDS]
    growth = {unit: small[unit] / seconds_to_read(place, unit, TINY_OCTETS) for unit in doubtful}
    units = {*nlargest(2, small, key=small.__getitem__), *nlargest(2, growth, key=growth.__getitem__)}
    seconds = {unit: seconds_to_read(place, unit, LARGE_OCTETS) for unit in units}
    assert max(seconds.values()) < MAX_SECONDS, seconds


def seconds_to_read(place: str, unit: bytes, octets: int) -> float:
    before, after = PLACES[place]
    content = before + unit * (octets // len(unit)) + after
    started = time.process_time()
    find_forwarded(parse_message(content), OwnAddresses())
    return time.process_time() - started
