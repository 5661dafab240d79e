import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mail_archiver.domain.address import normalize_address
from mail_archiver.domain.kind import DeliveryReport
from mail_archiver.mime.delivery_report import MAX_REPORTS, read_delivery_reports
from mail_archiver.mime.structure import scan
from mail_archiver.octets import InMemory

MEBIBYTE = 1024 * 1024


def read(source: bytes) -> list[DeliveryReport]:
    structure = scan(InMemory(source))
    return list(
        read_delivery_reports(structure.root, lambda part: structure.source.read(part.start, part.end))
    )


def told(source: bytes) -> list[tuple[str, str | None, str | None]]:
    """Recipient, action and status of each report."""
    return [(report.recipient, report.action, report.status) for report in read(source)]


def part(content_type: bytes, content: bytes) -> bytes:
    return b"--b\nContent-Type: " + content_type + b"\n\n" + content + b"\n"


def report(status: bytes, *more: bytes, header: bytes = b"") -> bytes:
    """A multipart/report around the content of a delivery-status part."""
    return (
        b"From: MAILER-DAEMON@mx.example\nTo: ann@sender.example\n"
        + header
        + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        + part(b"text/plain", b"We are sorry.")
        + part(b"message/delivery-status", status)
        + b"".join(more)
        + b"--b--\n"
    )


def fields(recipient: bytes) -> bytes:
    return b"Reporting-MTA: dns; mx.example\n\n" + recipient + b"\nAction: failed\nStatus: 5.1.1\n"


BO = [("bo@client.example", "failed", "5.1.1")]
RETURNED = part(b"message/rfc822", b"Message-ID: <offer@sender.example>\nTo: bo@client.example\n\nDear Bo")


@pytest.mark.parametrize(
    ("lines", "recipient"),
    [
        (b"Final-Recipient: rfc822; bo@client.example", "bo@client.example"),
        (b"FINAL-RECIPIENT:RFC822;bo@client.example", "bo@client.example"),
        (  # MessageLabs
            b"Diagnostic-Code: smtp; 550-No\n550 [192.0.2.1]:25\nFinal-Recipient: rfc822; bo@client.example",
            "bo@client.example",
        ),
        # Mimecast
        (
            b"Action : failed\nRemote-MTA : x\nFinal-Recipient : rfc/822;bo@client.example",
            "bo@client.example",
        ),
        (b"Final-Recipient: rfc822;\r\n\tbo@client.example", "bo@client.example"),
        (b"Final-Recipient: rfc822; <bo@client.example>", "bo@client.example"),
        (b"Final-Recipient: rfc822; <bo@client.example", "bo@client.example"),
        (b"Final-Recipient: rfc822; bo@client.example (Bo Ek)", "bo@client.example"),
        (b'Final-Recipient: rfc822; "bo@client.example"', "bo@client.example"),
        (b'Final-Recipient: rfc822; "bo ek"@client.example', '"bo ek"@client.example'),
        (b"Final-Recipient: bo@client.example", "bo@client.example"),
        (b"Final-Recipient: LOCAL; <bo@client.example>", "bo@client.example"),
        (b"Final-Recipient: rfc822; bo", "bo"),
        (b"Final-Recipient: rfc822; bo\nX-Actual-Recipient: rfc822; bo@client.example", "bo@client.example"),
        # An alias or a forwarding led to where nobody wrote to.
        (
            b"Original-Recipient: rfc822; bo@client.example\nFinal-Recipient: rfc822; b17@mx.example",
            "bo@client.example",
        ),
        (
            b"Final-Recipient: rfc822; b17@mx.example\nOriginal-Recipient: rfc822; bo@client.example",
            "bo@client.example",
        ),
        (b"Original-Recipient: rfc822;\nFinal-Recipient: rfc822; bo@client.example", "bo@client.example"),
        (
            b"Original-Recipient: x400; /C=GB/S=Ek\nFinal-Recipient: rfc822; bo@client.example",
            "bo@client.example",
        ),
        (b"Original-Recipient: rfc822; bo+2Btag+3D@client.example", "bo+tag=@client.example"),
        (b"Original-Recipient: rfc822; bo+12@client.example", "bo+12@client.example"),
        (b"Final-Recipient: rfc822; bo+2B@client.example", "bo+2B@client.example"),
        (b"Final-Recipient: utf-8; \xc3\xa9li@caf\xc3\xa9.example", "éli@café.example"),
        (b"Final-Recipient: utf-8; \\x{E9}li@caf\\x{E9}.example", "éli@café.example"),
        (b"Final-Recipient: utf-8; \\x{D800}li@caf\\x{110000}.example", "\ufffdli@caf\ufffd.example"),
    ],
)
def test_the_recipient_is_the_address_that_the_sender_wrote(lines: bytes, recipient: str) -> None:
    (found,) = read(report(fields(lines)))
    assert (found.recipient, found.normalized) == (recipient, normalize_address(recipient))


@pytest.mark.parametrize(
    ("lines", "action", "status"),
    [
        (b"Action: failed\nStatus: 5.1.1", "failed", "5.1.1"),
        (b"Action: Failed (no such user)\nStatus: 5.1.1 (bad mailbox)", "failed", "5.1.1"),
        (b"Action: delayed\nStatus: 4.4.7", "delayed", "4.4.7"),
        (b"Action: delivered\nStatus: 2.1.5", "delivered", "2.1.5"),
        (b"Action: relayed", "relayed", None),
        (b"Action: expanded", "expanded", None),
        (b"Action: error\nStatus:", "failed", None),
        (b"Action: expired", "failed", None),
        (b"Status: 4.2.2", "delayed", "4.2.2"),
        (b"Status: 5.\xd9\xa1.1", None, None),
        (b"Action: unheard-of\nStatus: 5.7.1", "failed", "5.7.1"),
        (b"Diagnostic-Code: smtp; 550 5.1.1 <bo@client.example>: no such user", "failed", "5.1.1"),
        (b"Action: failed\nDiagnostic-Code: smtp; 550-5.7.26\n not authenticated", "failed", "5.7.26"),
        (b"Action: failed\nStatus: 5.1\nDiagnostic-Code: smtp; 550 from 5.1.2.3", "failed", None),
        (b"", None, None),
    ],
)
def test_action_and_status_of_a_report(lines: bytes, action: str | None, status: str | None) -> None:
    source = report(b"Final-Recipient: rfc822; bo@client.example\n" + lines)
    assert told(source) == [("bo@client.example", action, status)]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("between", [b"\n", b" \t\n", b"\n\n\n", b""])
def test_each_recipient_has_its_own_fields(between: bytes, line_end: bytes) -> None:
    status = (
        b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; bo@client.example\nAction: failed\n"
        + between
        + b"Final-Recipient: rfc822; cy@client.example\nAction: delayed\n"
    )
    assert told(report(status).replace(b"\n", line_end)) == [
        ("bo@client.example", "failed", None),
        ("cy@client.example", "delayed", None),
    ]


def test_no_more_than_a_thousand_recipients_are_reported() -> None:
    status = b"\n".join(b"Final-Recipient: rfc822; bo%d@client.example\n" % n for n in range(MAX_REPORTS + 1))
    assert len(read(report(status))) == MAX_REPORTS


@pytest.mark.parametrize(
    ("more", "header"),
    [
        (
            part(b"message/rfc822", b"Subject: Offer\r\nMessage-ID: <offer@sender.example>\r\n\r\nDear Bo"),
            b"",
        ),
        (
            part(
                b"message/rfc822", b"\n\nMessage-Id:\n <offer@\n sender.example>\nSubject: Offer\n\nDear Bo"
            ),
            b"",
        ),
        (part(b"text/rfc822-headers", b"MESSAGE-ID : <offer@sender.example>\nSubject: Offer"), b""),
        (part(b"message/global", b"Message-ID: <offer@sender.example>\n\nDear Bo"), b""),
        (part(b"text/plain", b"> Subject: Offer\n> Message-ID: <offer@sender.example>\n>\n> Dear Bo"), b""),
        (part(b"text/plain\nMessage-ID: <offer@sender.example>", b"Dear Bo"), b""),
        (b"", b"In-Reply-To: <offer@sender.example>\n"),
        (part(b"message/rfc822", b"Subject: Offer\n\nDear Bo"), b"In-Reply-To: <offer@sender.example>\n"),
    ],
)
def test_the_message_id_is_that_of_the_returned_message(more: bytes, header: bytes) -> None:
    status = fields(b"Final-Recipient: rfc822; bo@client.example")
    source = report(status, more, header=b"Message-ID: <bounce@mx.example>\n" + header)
    assert [found.message_id for found in read(source)] == ["offer@sender.example"]


def test_without_a_returned_message_there_is_no_message_id() -> None:
    source = report(
        b"Original-Envelope-Id: offer\n\nFinal-Recipient: rfc822; bo@client.example\n",
        part(b"message/rfc822", b"Subject: Offer\n\nMessage-ID: <quoted@in.body.example>"),
        header=b"Message-ID: <bounce@mx.example>\n",
    )
    assert [found.message_id for found in read(source)] == [None]


DAEMON = b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: ann@sender.example\nSubject: Failure\n"
QUOTED = b"\n--- a copy\nReceived: by mx.example\nMessage-ID: <offer@sender.example>\nTo: bo@client.example\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            DAEMON + b"X-Failed-Recipients: bo@client.example,\n cy@client.example\n\nNo such users.\n",
            [("bo@client.example", "failed", None), ("cy@client.example", "failed", None)],
            id="the header that Exim and Gmail write",
        ),
        pytest.param(
            DAEMON.replace(b"Failure", b"Delivery (Delay)")
            + b"X-Failed-Recipients: bo@client.example\n\n421 4.4.1",
            [("bo@client.example", "delayed", "4.4.1")],
            id="and what the text says beside it",
        ),
        pytest.param(
            DAEMON + b"\nHi. This is the qmail-send program at mx.example.\n\n<bo@client.example>:\n"
            b"No such user. (#5.1.1)\n\n--- Below this line is a copy of the message.\n",
            BO,
            id="a paragraph that begins with the address",
        ),
        pytest.param(
            DAEMON.replace(b"@mx.example", b" <>")
            + b"\nHi. This is the qmail-send program at mx.example.\n\n"
            b"<bo@client.example>:\nNo such user. (#5.1.1)\n\n<cy@client.example>:\nOver quota. (#5.2.2)\n",
            [("bo@client.example", "failed", "5.1.1"), ("cy@client.example", "failed", "5.2.2")],
            id="and several recipients, each with its own code",
        ),
        pytest.param(
            DAEMON
            + b"\n550 5.1.1 bo@client.example is unknown, as we hear, cy@mx.example, so sorry."
            + QUOTED,
            BO,
            id="no stranger, where somebody is named who was written to",
        ),
        pytest.param(
            DAEMON.replace(b"MAILER-DAEMON", b"Postmaster") + b"\n550 5.1.1 bo@client.example",
            BO,
            id="a postmaster with a null sender",
        ),
        pytest.param(
            report(fields(b"Final-Recipient: rfc822; bo@client.example")).replace(b"MAILER-DAEMON", b"robot"),
            BO,
            id="a report by whoever",
        ),
        pytest.param(
            DAEMON + b"\nEs gibt Fehler: 550 5.1.1 <bo@client.example>. Fragen an: help@mx.example." + QUOTED,
            BO,
            id="who is named and was written to",
        ),
        pytest.param(
            DAEMON + b"\nKonto \xfcberf\xfcllt." + QUOTED,
            [("bo@client.example", "failed", None)],
            id="the only one who was written to",
        ),
        pytest.param(
            DAEMON + b"\n550 5.1.1 gibt es nicht: bo@client.example. Fragen an: postmaster@mx.example",
            BO,
            id="the only one who is named",
        ),
        pytest.param(
            DAEMON + b"\nReporting-MTA: dns; mx.example\nAction: failed\n"
            b"Final-Recipient: rfc822; bo@client.example\nStatus: 5.1.1\n",
            BO,
            id="the fields of a report as plain text",
        ),
        pytest.param(
            DAEMON + b"Content-Type: multipart/report; report-type=delivery-status; boundary=other\n\n"
            b"--b\n\nFinal-Recipient: rfc822; bo@client.example\nAction: failed\nStatus: 5.1.1\n\n--b--",
            BO,
            id="a report that cannot be taken apart",
        ),
        pytest.param(
            DAEMON
            + b"Content-Type: multipart/mixed; boundary=b\n\n"
            + part(b"message/delivery-status", fields(b"Final-Recipient: rfc822; bo@client.example")),
            BO,
            id="a status part in what is no report",
        ),
        pytest.param(
            DAEMON
            + b"Content-Type: multipart/mixed; boundary=b\n\n"
            + part(b"text/html", b"<p>User unknown: bo@client.example</p>")
            + RETURNED,
            [("bo@client.example", "failed", None)],
            id="a report in HTML",
        ),
        pytest.param(
            b"Return-Path: <>\nFrom: no-reply@isp.example\nContent-Type: multipart/mixed; boundary=b\n\n"
            + part(b"text/plain", b"Could not be delivered to: <bo@client.example>")
            + RETURNED,
            [("bo@client.example", "failed", None)],
            id="a null sender who returns a message",
        ),
    ],
)
def test_bounces_that_do_not_keep_to_the_rfc_are_read_as_far_as_they_go(
    source: bytes, expected: list[tuple[str, str | None, str | None]]
) -> None:
    assert told(source) == expected


def test_what_is_only_late_is_delayed() -> None:
    source = DAEMON + b"\nYour message to bo@client.example has been delayed; no action is required." + QUOTED
    assert [found.action for found in read(source)] == ["delayed"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            b"From: cy@client.example\nSubject: Undelivered mail\n\n550 5.1.1 bo@client.example", id="talk"
        ),
        pytest.param(
            b"From: cy@client.example\nContent-Type: multipart/mixed; boundary=b\n\n"
            + part(b"text/plain", b"Look what came back.")
            + part(b"message/delivery-status", fields(b"Final-Recipient: rfc822; bo@client.example")),
            id="a status part that a person forwards",
        ),
        pytest.param(
            b"From: cy@client.example\nContent-Type: multipart/mixed; boundary=b\n\n"
            + part(b"message/rfc822", report(fields(b"Final-Recipient: rfc822; bo@client.example")))
            + b"--b--\n",
            id="a bounce that a person forwards",
        ),
        pytest.param(
            b"Return-Path: <>\nAuto-Submitted: auto-replied\nFrom: cy@client.example\n\n"
            b"No error: who writes to bo@client.example gets this while I am away." + QUOTED,
            id="an out-of-office reply",
        ),
        pytest.param(
            b"Return-Path: <>\nFrom: shop@client.example\n\n"
            b"No error: as you know, cy@client.example, we invoice every month.",
            id="a notification with a null sender",
        ),
        pytest.param(
            DAEMON + b"\nYour mailbox will be closed. Ask cy@client.example about it.",
            id="a notice to a user",
        ),
        pytest.param(
            report(fields(b"Final-Recipient: rfc822; bo@client.example")).replace(
                b"delivery-status;", b"feedback-report;"
            ),
            id="an abuse report",
        ),
        pytest.param(
            b"Return-Path: <>\nFrom: bo@client.example\n"
            b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
            + part(b"text/plain", b"Your message to: bo@client.example was displayed. No error.")
            + part(b"message/disposition-notification", b"Final-Recipient: rfc822; bo@client.example\n"),
            id="a read receipt",
        ),
        pytest.param(
            b"Return-Path: <>\nFrom: shop@client.example\n\nThere was an error, ask cy@client.example"
            + QUOTED,
            id="somebody whom an answer names, and nobody wrote to",
        ),
        pytest.param(
            DAEMON + b"\nHi. This is the qmail-send program at mx.example.\n\n<ann@sender.example>:\nNo.\n",
            id="whom the bounce itself is for",
        ),
        pytest.param(
            DAEMON + b"\n550 5.1.1 error for ann@sender.example", id="whom it is for, in other words"
        ),
        pytest.param(
            DAEMON
            + b"Content-Type: multipart/mixed; boundary=b\n\n"
            + part(b"text/plain", b"x\n" * 32 * 1024)
            + part(b"text/plain", b"550 5.1.1 bo@client.example"),
            id="what stands far down",
        ),
        pytest.param(
            DAEMON + b"\n550 5.1.1 unknown: one of bo@client.example and cy@client.example",
            id="nobody in particular",
        ),
    ],
)
def test_what_is_no_bounce_reports_on_nobody(source: bytes) -> None:
    assert read(source) == []


@given(st.binary())
@example(b"Final-Recipient: utf-8; \\x{0}\\x{DFFF}@\x00")
def test_any_bytes_may_stand_in_a_bounce(content: bytes) -> None:
    for source in (content, DAEMON + content, DAEMON + b"\n550 5.1.1 " + content, report(content)):
        for found in read(source):
            assert "\0" not in found.recipient
            assert found.recipient.encode()


@pytest.mark.parametrize(
    "line",
    [
        b"action:\n",
        b"a:\n",
        b"action:\nx\nfinal-recipient: a@b\n\n",
        b"status: 5.1.1\r\n\r\n",
        b"Final-Recipient:\n",
        b"Final-Recipient: rfc822; <<<<<<<<<<<<<<<<\n",
        b"action: x\n \n\t\n",
        b"action:\n a",
        b" \n",
        b"\n",
        b"a@",
        b", a@",
        b"failed deliver",
        b">",
    ],
)
@pytest.mark.parametrize(
    "start", [b"", b"Your message to:\nThe following addresses had\n- no such user here\n"]
)
def test_time_grows_with_the_size_and_no_faster(line: bytes, start: bytes) -> None:
    hostile = start + line * (MEBIBYTE // len(line))
    read(report(hostile))
    read(DAEMON + b"\n" + hostile)  # in quadratic time it would take minutes
