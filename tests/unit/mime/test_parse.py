import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.strategies import ENCODINGS, MAILS, Leaf, Mail

from mail_archiver.domain.address import Role
from mail_archiver.domain.message import Message
from mail_archiver.mime.parse import parse_message
from mail_archiver.octets import whole

SAMPLE = Mail("The quote", (Leaf("text/plain", "", "Héllo\nworld"), Leaf("image/png", "plan.png", "pixels")))
TRACES = (
    b"Received: from mx.example by mail.example; Mon, 10 Mar 2025 10:00:01 +0000\n",
    b"Delivered-To: crm@sender.example\n",
    b"DKIM-Signature: v=1; a=rsa-sha256; d=sender.example;\n\tb=abc\n",
    b"X-Spam-Status: No\n",
    b"Bcc: secret@client.example\n",
    b"Return-Path: <ann@sender.example>\n",
)


def fingerprint(source: bytes) -> str:
    return parse_message(source).fingerprint


def crlf(source: bytes) -> bytes:
    return source.replace(b"\n", b"\r\n")


@given(MAILS)
def test_the_fingerprint_is_the_same_for_crlf_and_lf(mail: Mail) -> None:
    assert fingerprint(crlf(mail.render())) == fingerprint(mail.render())


@given(MAILS, st.data())
def test_the_fingerprint_is_the_same_in_another_transfer_encoding(mail: Mail, data: st.DataObject) -> None:
    again = replace(mail, leaves=tuple(replace(leaf, encoding=data.draw(ENCODINGS)) for leaf in mail.leaves))
    assert fingerprint(crlf(again.render())) == fingerprint(crlf(mail.render()))


@given(MAILS, st.lists(st.sampled_from(TRACES)))
def test_the_fingerprint_is_the_same_with_the_traces_of_another_road(mail: Mail, traces: list[bytes]) -> None:
    assert fingerprint(mail.render(b"".join(traces))) == fingerprint(mail.render())


@given(MAILS, st.sampled_from([b"\n ", b"\n\t", b"\r\n  "]))
def test_the_fingerprint_is_the_same_when_header_fields_are_folded_anew(mail: Mail, fold: bytes) -> None:
    header, empty_line, body = mail.render().partition(b"\n\n")
    lines = [
        name + b": " + value.replace(b" ", fold)
        for name, _, value in (line.partition(b": ") for line in header.split(b"\n"))
    ]
    assert fingerprint(b"\n".join(lines) + empty_line + body) == fingerprint(mail.render())


def test_the_fingerprint_is_the_same_when_a_file_name_is_folded_anew() -> None:
    one = b'Message-ID: <a@b>\nContent-Disposition: attachment; filename="my long name.pdf"\n\nx'
    assert fingerprint(one.replace(b"my long", b"my\n\tlong")) == fingerprint(one)


@given(MAILS, MAILS)
def test_the_fingerprint_differs_when_subject_or_parts_differ(one: Mail, two: Mail) -> None:
    def seen(mail: Mail) -> tuple[object, ...]:
        parts = [
            (leaf.content_type, " ".join(leaf.name.split()), leaf.content.rstrip()) for leaf in mail.leaves
        ]
        return " ".join(mail.subject.split()), parts

    assert (fingerprint(one.render()) == fingerprint(two.render())) == (seen(one) == seen(two))


@pytest.mark.parametrize(
    "other",
    [
        replace(SAMPLE, subject="The quota"),
        replace(SAMPLE, message_id="two@sender.example"),
        SAMPLE.with_leaf(0, replace(SAMPLE.leaves[0], content="Héllo\nworld!")),
        SAMPLE.with_leaf(0, replace(SAMPLE.leaves[0], content="Héllo world")),
        SAMPLE.with_leaf(0, replace(SAMPLE.leaves[0], content_type="text/html")),
        SAMPLE.with_leaf(1, replace(SAMPLE.leaves[1], name="plans.png")),
        SAMPLE.with_leaf(1, replace(SAMPLE.leaves[1], content="Pixels")),
        replace(SAMPLE, leaves=SAMPLE.leaves[::-1]),
        replace(SAMPLE, leaves=SAMPLE.leaves[:1]),
        replace(SAMPLE, leaves=(*SAMPLE.leaves, SAMPLE.leaves[1])),
    ],
)
def test_the_fingerprint_differs_when_anything_that_was_said_differs(other: Mail) -> None:
    assert fingerprint(other.render()) != fingerprint(SAMPLE.render())


@pytest.mark.parametrize(
    "field", [b"To: bo@client.example", b"Cc: di@client.example", b"Date: x", b"From: x@y.example"]
)
def test_the_fingerprint_differs_with_another_field_that_counts(field: bytes) -> None:
    assert fingerprint(SAMPLE.render(field + b"\n")) != fingerprint(SAMPLE.render())


def test_without_a_message_id_every_source_is_its_own_message() -> None:
    source = b"Subject: a\r\n\r\nbody"
    assert fingerprint(source) == "v1:" + hashlib.sha256(source).hexdigest()
    assert fingerprint(b"X-Trace: 1\r\n" + source) != fingerprint(source)


def assert_holds_together(message: Message, source: bytes) -> None:
    """What is true of every message, however broken."""
    assert message.size_octets == len(source)
    assert message.source_sha256 == hashlib.sha256(source).hexdigest()
    texts = [message.message_id, message.subject, message.body_text, message.body_html]
    for address in message.addresses:
        texts += [address.display_name, address.address]
        assert address.address
    for attachment in message.attachments:
        texts += [attachment.filename, attachment.safe_name, attachment.content_type]
        assert attachment.sha256 == hashlib.sha256(whole(attachment.content)).hexdigest()
    for defect in message.defects:
        texts += [defect.where, defect.action]
    for text in texts:
        assert text is None or ("\0" not in text and text == text.encode("utf-8", "replace").decode())
    assert len({a.safe_name.casefold() for a in message.attachments}) == len(message.attachments)
    assert message.sent_at is None or message.sent_at.utcoffset() is not None
    assert len(set(message.defects)) == len(message.defects)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message(source: bytes) -> None:
    assert_holds_together(parse_message(source), source)


@given(
    MAILS,
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=12)), min_size=1, max_size=6
    ),
)
def test_a_damaged_message_is_still_a_message(mail: Mail, damages: list[tuple[int, int, bytes]]) -> None:
    source = mail.render()
    for place, length, replacement in damages:
        start = place % (len(source) + 1)
        source = source[:start] + replacement + source[start + length :]
    assert_holds_together(parse_message(source), source)


HOSTILE_HEADERS = [
    b"Content-Disposition: attachment; filename*=%s",
    b"Content-Type: text/plain; charset=%s; name*0*=%s",
    b"To: %s",
    b"Subject: =?%s?Q?=ff?=",
    b"Message-ID: %s",
    b"Date: %s",
    b"Content-Transfer-Encoding: %s",
    b"Content-ID: %s",
]


@given(
    st.sampled_from(HOSTILE_HEADERS),
    st.binary(max_size=20)
    | st.sampled_from([b"name*", b"(c):", b"<[x@y]>", b"utf-8'", b"a\0b''%00", b"unicode_escape''\\ud800"]),
)
def test_a_hostile_header_is_still_read(header: bytes, value: bytes) -> None:
    value = value.replace(b"\n", b"").replace(b"\r", b"")
    source = header.replace(b"%s", value) + b"\r\nX-Last: 1\r\n\r\nbody \xff"
    message = parse_message(source)
    assert_holds_together(message, source)
    assert message.header_sha256 == hashlib.sha256(source.partition(b"\r\n\r\n")[0]).hexdigest()


@pytest.mark.parametrize(
    ("header", "role"),
    [
        (b"To", Role.TO),
        (b"cc", Role.CC),
        (b"BCC", Role.BCC),
        (b"Resent-To", Role.RESENT),
        (b"Resent-Cc", Role.RESENT),
        (b"Resent-Bcc", Role.RESENT),
        (b"Delivered-To", Role.DELIVERED),
        (b"X-Original-To", Role.DELIVERED),
        (b"From", Role.SENDER),
        (b"Sender", Role.SENDER),
        (b"Reply-To", Role.REPLY_TO),
    ],
)
def test_each_address_field_has_its_role(header: bytes, role: Role) -> None:
    addresses = parse_message(header + b": Ann <a@x.example>\r\n\r\n").addresses
    assert [(a.role, a.display_name, a.normalized) for a in addresses] == [(role, "Ann", "a@x.example")]


def test_who_sent_it_for_another_follows_the_author_and_is_told_once() -> None:
    message = parse_message(
        b"Resent-From: bo@x.example\nSender: office@x.example\n"
        b"From: ann@x.example\nResent-Sender: Ann@x.example\n\n"
    )
    assert [a.address for a in message.addresses] == ["ann@x.example", "bo@x.example", "office@x.example"]
    assert {a.role for a in message.addresses} == {Role.SENDER}
    assert message.sender is not None
    assert message.sender.address == "ann@x.example"


def test_nothing_is_invented_for_an_empty_message() -> None:
    message = parse_message(b"")
    assert (message.message_id, message.subject, message.sent_at, message.sender) == (None, None, None, None)
    assert (message.body_text, message.body_html, message.attachments) == ("", None, ())


def test_an_empty_subject_is_not_a_missing_one() -> None:
    assert parse_message(b"Subject:\r\n\r\n").subject == ""
    assert parse_message(b"Subjects: a\r\n\r\n").subject is None


def test_the_header_hash_leaves_out_the_line_ends_that_close_the_header() -> None:
    digest = hashlib.sha256(b"Subject: a").hexdigest()
    for source in (b"Subject: a", b"Subject: a\r\n", b"Subject: a\r\n\r\n", b"Subject: a\r\n\r\nbody"):
        assert parse_message(source).header_sha256 == digest


def test_lines_of_a_body_end_with_lf() -> None:
    assert parse_message(b"\r\none\r\ntwo\rthree\nfour").body_text == "one\ntwo\nthree\nfour"


def test_a_picture_counts_as_inline_only_under_its_own_content_id() -> None:
    def inline(html: bytes, content_id: bytes, content_type: bytes = b"image/png") -> bool:
        source = (
            b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n" + html
            + b"\n--b\nContent-Type: " + content_type + b"\nContent-ID: " + content_id + b"\n\nx\n--b--"
        )  # fmt: skip
        (attachment,) = parse_message(source).attachments
        return attachment.inline

    assert inline(b'<img src="cid:one@x">', b"<one@x>")
    assert inline(b"<img src='CID:one%40x'>", b"<one@x>")
    assert inline(b"<img src=cid:one>", b"one")
    assert not inline(b'<img src="cid:one10">', b"<one1>")
    assert not inline(b'<img src="cid:one">', b"")
    assert not inline(b'<a href="cid:one">', b"<one>", b"application/pdf")
    assert not inline(b"<p>one</p>", b"<one>")


def test_a_defect_is_recorded_once_and_says_where() -> None:
    message = parse_message(
        b"Subject: \xff\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: text/plain; charset=utf-8\n\n\xe9\n--b--"
    )
    assert {(d.code.value, d.where) for d in message.defects} == {
        ("header-8bit", "subject"),
        ("charset-wrong", "1"),
    }
    assert len(message.defects) == 2


@pytest.mark.parametrize(
    "told",
    [
        "X-Original-From: Zoe Lang <zoe@post.example>",
        "X-Original-Sender: zoe@post.example",
        "Reply-To: Zoe Lang <zoe@post.example>",
    ],
)
def test_who_wrote_by_way_of_a_list_is_the_sender(told: str) -> None:
    source = (
        f"From: \"'Zoe Lang' via Sales\" <sales@house.example>\r\nTo: sales@house.example\r\n{told}\r\n\r\n"
    )
    message = parse_message(source.encode())
    assert message.sender is not None
    assert message.sender.address == "zoe@post.example"


@pytest.mark.parametrize("name", ["Zoe Lang", "Via Roma 12", "Olivia"])
def test_a_reply_to_says_nothing_else_of_the_sender(name: str) -> None:
    source = f"From: {name} <zoe@post.example>\r\nReply-To: office@post.example\r\n\r\n"
    message = parse_message(source.encode())
    assert message.sender is not None
    assert message.sender.address == "zoe@post.example"


def test_undeclared_fields_of_one_header_are_in_one_charset() -> None:
    subject = "Прошу вас направить нам договор и счёт до пятницы"
    source = f"From: Ян <yan@post.example>\r\nTo: bo@post.example\r\nSubject: {subject}\r\n\r\n"
    message = parse_message(source.encode("windows-1251"))
    assert message.subject == subject
    assert message.addresses[0].display_name == "Ян"
