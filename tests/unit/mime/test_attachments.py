"""What a person would call an attachment, and where it was found."""

import base64
import binascii

import pytest

from mail_archiver.archiving.attachment_file import attachment_file
from mail_archiver.domain.message import Attachment, DefectCode
from mail_archiver.mime.parse import parse_message
from mail_archiver.octets import whole

HEADER = b"Message-ID: <a@b.example>\r\nFrom: ann@client.example\r\n"
PICTURE = (
    b"Content-Type: image/png\r\nContent-ID: <logo@b>\r\n"
    b"Content-Disposition: inline; filename=logo.png\r\n\r\nx"
)
INNER = (
    b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nInner text.\r\n--i\r\n"
    b"Content-Type: application/pdf; name=plan.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nUERG\r\n--i--\r\n"
)


def mixed(*parts: bytes, subtype: bytes = b"mixed") -> bytes:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts)
    return HEADER + b"Content-Type: multipart/" + subtype + b"; boundary=b\r\n\r\n" + body + b"--b--\r\n"


def enclosed(message: bytes, header: bytes = b"") -> bytes:
    return b"Content-Type: message/rfc822\r\n" + header + b"\r\n" + message


def found(source: bytes) -> list[tuple[str, int | None]]:
    return [(each.safe_name, each.within) for each in parse_message(source).attachments]


def html(reference: bytes) -> bytes:
    return b"Content-Type: text/html\r\n\r\n<img src='" + reference + b"'>"


def test_files_inside_an_enclosed_message_follow_it() -> None:
    source = mixed(b"\r\nOuter text.", enclosed(b"Subject: Re: 5/6\r\n" + INNER), PICTURE)
    message = parse_message(source)
    assert found(source) == [("Re_ 5-6.eml", None), ("plan.pdf", 0), ("logo.png", None)]
    assert message.body_text == "Outer text."
    assert [whole(each.content) for each in message.attachments][1:] == [b"PDF", b"x"]
    assert whole(message.attachments[0].content) == b"Subject: Re: 5/6\r\n" + INNER
    assert message.attachments[0].filename is None


def test_a_message_in_base64_is_opened_too() -> None:
    encoded = base64.encodebytes(b"Subject: Plans\r\n" + INNER)
    source = mixed(enclosed(encoded, header=b"Content-Transfer-Encoding: base64\r\n"))
    assert found(source) == [("Plans.eml", None), ("plan.pdf", 0)]


def test_messages_in_messages_keep_their_order() -> None:
    inner = b"Subject: two\r\n" + enclosed(b"Subject: three\r\n" + INNER)
    assert found(mixed(enclosed(b"Subject: one\r\n" + enclosed(inner)))) == [
        ("one.eml", None),
        ("two.eml", 0),
        ("three.eml", 1),
        ("plan.pdf", 2),
    ]


@pytest.mark.parametrize(
    ("reference", "inline"),
    [(b"cid:logo@b", True), (b"CID:logo%40b", True), (b"cid:other@b", False), (b"http://b/logo.png", False)],
)
def test_an_image_is_inline_only_where_the_html_shows_it(reference: bytes, inline: bool) -> None:
    (image,) = parse_message(mixed(html(reference), PICTURE, subtype=b"related")).attachments
    assert image.inline is inline


def test_an_image_that_an_enclosed_html_shows_is_inline_there() -> None:
    source = mixed(b"\r\nText.", enclosed(mixed(html(b"cid:logo@b"), PICTURE, subtype=b"related")), PICTURE)
    assert [each.inline for each in parse_message(source).attachments] == [False, True, False]


def test_a_file_sent_inline_that_nothing_shows_is_an_attachment_like_others() -> None:
    pdf = b"Content-Type: application/pdf\r\nContent-Disposition: inline; filename=offer.pdf\r\n\r\nPDF"
    (file,) = parse_message(mixed(html(b"cid:logo@b"), pdf)).attachments
    assert (file.safe_name, file.inline) == ("offer.pdf", False)


def shown_and_sent() -> tuple[Attachment, ...]:
    pdf = b"Content-Type: application/pdf; name=offer.pdf\r\n\r\nPDF"
    return parse_message(mixed(html(b"cid:logo@b"), PICTURE, pdf)).attachments


def test_images_that_the_html_shows_stay_out_of_the_file_unless_they_are_wanted() -> None:
    usual = attachment_file(shown_and_sent())
    assert usual is not None
    assert (usual.name, whole(usual.content)) == ("offer.pdf", b"PDF")
    wanted = attachment_file(shown_and_sent(), with_inline=True)
    assert wanted is not None
    assert wanted.name == "attachments.zip"


def test_text_after_the_last_part_is_kept() -> None:
    message = parse_message(mixed(b"\r\nText.") + b"\r\nSent through a list.\r\n")
    (epilogue,) = message.attachments
    assert (epilogue.safe_name, whole(epilogue.content)) == ("epilogue.txt", b"\r\nSent through a list.\r\n")
    assert [defect.code for defect in message.defects] == [DefectCode.EPILOGUE_KEPT]
    assert parse_message(mixed(b"\r\nText.") + b"\r\n \r\n").attachments == ()


def uuencoded(content: bytes) -> bytes:
    return b"begin 644 plan.txt\r\n" + binascii.b2a_uu(content).rstrip() + b"\r\n`\r\nend\r\n"


def test_a_file_in_the_text_is_cut_out_of_it() -> None:
    message = parse_message(HEADER + b"\r\nBefore.\r\n" + uuencoded(b"Plan.") + b"After.\r\n")
    (file,) = message.attachments
    assert (file.safe_name, whole(file.content), file.within) == ("plan.txt", b"Plan.", None)
    assert message.body_text == "Before.\nAfter.\n"
    assert message.defects == ()


def test_a_file_in_a_text_larger_than_what_is_read_of_one_is_whole() -> None:
    text = b"A line.\r\n" * 500_000
    message = parse_message(HEADER + b"\r\n" + uuencoded(b"Plan.") + text)
    assert [whole(file.content) for file in message.attachments] == [b"Plan."]
    assert [defect.code for defect in message.defects] == [DefectCode.BODY_CUT]


def test_a_part_in_uuencode_is_the_file_in_it() -> None:
    part = b"Content-Type: text/csv; name=plan.csv\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n"
    for encoded, content, codes in (
        (uuencoded(b"1;2"), b"1;2", []),
        (b"no such thing", b"no such thing", [DefectCode.TRANSFER_ENCODING_BROKEN]),
    ):
        message = parse_message(mixed(part + encoded))
        assert [(each.safe_name, whole(each.content)) for each in message.attachments] == [
            ("plan.csv", content)
        ]
        assert [defect.code for defect in message.defects] == codes


def test_signed_mail_is_in_the_original_as_it_was_signed() -> None:
    signed = b"Content-Type: text/plain; charset=utf-8\r\n\r\nAs  agreed. \r\n"
    source = mixed(
        signed, b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nx", subtype=b"signed"
    )
    message = parse_message(source)
    assert [each.safe_name for each in message.attachments] == ["smime.p7s"]
    assert message.body_text == "As  agreed. \n"
