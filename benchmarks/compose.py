"""Turns what somebody wants to say into the bytes of a message, as mail programs do."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from html import escape
from random import Random

from benchmarks.attached import File, base64_lines
from benchmarks.people import Person
from benchmarks.words import Language

_STYLE = 'style="margin:0cm;font-size:11.0pt;font-family:&quot;Calibri&quot;,sans-serif;color:#1F497D"'
_HEAD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>
<meta http-equiv="Content-Type" content="text/html; charset=utf-8">
<style><!-- p.MsoNormal {margin:0cm; font-size:11.0pt; font-family:"Calibri",sans-serif;}
a:link {color:#0563C1; text-decoration:underline;} --></style></head><body lang="EN-GB">
""".replace("\n", "\r\n")


@dataclass(frozen=True)
class Draft:
    """One message before it is bytes.

    Attributes:
        message_id: With brackets, as the references.
        copy_to: The address that archives: in Cc, or where `blind` in Delivered-To alone.
        quoted: A paragraph of what it answers.
        logo: An image that the HTML shows.
    """

    message_id: str
    references: tuple[str, ...]
    sent_at: datetime
    sender: Person
    to: list[Person]
    cc: list[Person]
    copy_to: str
    blind: bool
    subject: str
    language: Language
    quoted: str | None
    files: list[File]
    logo: File | None


def compose(random: Random, draft: Draft, octets: int) -> bytes:
    """The message in bytes, its text about as long as `octets` asks for."""
    header = _header(random, draft)
    only_plain = not draft.logo and random.random() < 0.2
    text_octets = max(octets - len(header), 300) / (1.25 if only_plain else 4)
    paragraphs = _paragraphs(random, draft, int(text_octets))
    plain = _text_part(random, "plain", _plain(draft, paragraphs))
    body = plain
    if not only_plain:
        html = _text_part(random, "html", _html(draft, paragraphs))
        if draft.logo:
            html = _multipart(random, "related", [html, _file_part(draft.logo, "inline", "logo@logo")])
        body = _multipart(random, "alternative", [plain, html])
    if draft.files:
        parts = [_file_part(each, "attachment", None) for each in draft.files]
        body = _multipart(random, "mixed", [body, *parts])
    return header + b"MIME-Version: 1.0\r\n" + body


def _header(random: Random, draft: Draft) -> bytes:
    cc = [each.field() for each in draft.cc] + ([] if draft.blind else [draft.copy_to])
    lines = [
        *_trace(random, draft),
        f"From: {draft.sender.field()}",
        "To: " + ",\r\n ".join(each.field() for each in draft.to),
        f"Subject: {_encoded(draft.subject)}",
        f"Date: {format_datetime(draft.sent_at)}",
        f"Message-ID: {draft.message_id}",
        f"X-Mailer: {random.choice(['Microsoft Outlook 16.0', 'Apple Mail (2.3774)', 'Thunderbird 128'])}",
    ]
    if cc:
        lines.append("Cc: " + ",\r\n ".join(cc))
    if draft.references:
        lines.append(f"In-Reply-To: {draft.references[-1]}")
        lines.append("References: " + "\r\n ".join(draft.references))
    return "\r\n".join(lines).encode() + b"\r\n"


def _trace(random: Random, draft: Draft) -> list[str]:
    """What the servers on the way have put on top."""
    domain = draft.sender.address.partition("@")[2]
    signature = "\r\n ".join(_noise(random, 48) for _ in range(4))
    score = random.randint(-50, 20) / 10
    return [
        f"Return-Path: <{draft.sender.address}>",
        f"Delivered-To: {draft.copy_to}",
        f"X-Spam-Status: No, score={score} required=5.0\r\n\ttests=DKIM_VALID,HTML_MESSAGE,SPF_PASS",
        *(_received(random, draft, hop, domain) for hop in (3, 2, 1)),
        f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s{random.randrange(9)};",
        " h=from:to:cc:subject:date:message-id:references;",
        f" bh={_noise(random, 33)};\r\n b={signature}",
    ]


def _encoded(text: str) -> str:
    """As RFC 2047 wants it where it is no ASCII."""
    return text if text.isascii() else Header(text, "utf-8").encode(linesep="\r\n")


def _received(random: Random, draft: Draft, hop: int, domain: str) -> str:
    at = format_datetime(draft.sent_at + timedelta(seconds=hop))
    return (
        f"Received: from mx{hop}.{domain} (mx{hop}.{domain} [192.0.2.{random.randrange(1, 255)}])\r\n"
        f"\tby mail{hop}.example.com (Postfix) with ESMTPS id {random.getrandbits(40):010X}\r\n"
        f"\tfor <{draft.copy_to}>; {at}"
    )


def _paragraphs(random: Random, draft: Draft, octets: int) -> list[str]:
    """As many as it takes, counted in UTF-8."""
    found, size = [], 0
    while size < octets:
        found.append(draft.language.paragraph(random))
        size += len(found[-1].encode()) + 2
    return found


def _plain(draft: Draft, paragraphs: list[str]) -> str:
    lines = [draft.language.greeting.format(draft.to[0].name if draft.to else ""), ""]
    for each in paragraphs:
        lines += [*_wrapped(each), ""]
    lines += [draft.language.closing, draft.sender.name, "", "-- ", draft.sender.name, draft.sender.address]
    if draft.quoted:
        lines += ["", f"On {draft.sent_at:%d.%m.%Y %H:%M} somebody wrote:"]
        lines += [f"> {line}" for line in _wrapped(draft.quoted)]
    return "\r\n".join(lines) + "\r\n"


def _wrapped(text: str) -> list[str]:
    """Lines of at most 78 characters where words allow it, by hand: textwrap takes a second a corpus."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) > 77:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _html(draft: Draft, paragraphs: list[str]) -> str:
    greeting = draft.language.greeting.format(draft.to[0].name if draft.to else "")
    body = [f'<p class="MsoNormal" {_STYLE}>{escape(each)}</p>' for each in [greeting, *paragraphs]]
    body.append(f"<p {_STYLE}><b>{escape(draft.sender.name)}</b><br>")
    body.append(f'<a href="mailto:{draft.sender.address}">{draft.sender.address}</a></p>')
    if draft.logo:
        body.append('<img width="120" height="40" src="cid:logo@logo" alt="">')
    if draft.quoted:
        body.append(f'<blockquote type="cite"><p {_STYLE}>{escape(draft.quoted)}</p></blockquote>')
    return _HEAD + "\r\n".join(body) + "\r\n</body></html>\r\n"


def _text_part(random: Random, subtype: str, text: str) -> bytes:
    octets = text.encode()
    if octets.isascii() and max(map(len, octets.split(b"\r\n"))) < 900:
        encoding, body = "7bit", octets
    elif random.random() < 0.7:
        encoding, body = "quoted-printable", binascii.b2a_qp(octets, istext=True).replace(b"=\n", b"=\r\n")
    else:
        encoding, body = "base64", base64.encodebytes(octets).replace(b"\n", b"\r\n")
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode() + body


def _file_part(file: File, disposition: str, content_id: str | None) -> bytes:
    header = (
        f'Content-Type: {file.content_type}; name="{file.name}"\r\nContent-Transfer-Encoding: base64\r\n'
        f'Content-Disposition: {disposition}; filename="{file.name}"; size={len(file.content)}\r\n'
    )
    if content_id:
        header += f"Content-ID: <{content_id}>\r\n"
    return header.encode() + b"\r\n" + base64_lines(file.content)


def _multipart(random: Random, subtype: str, parts: list[bytes]) -> bytes:
    boundary = f"_000_{random.getrandbits(96):024X}_"
    body = "".join(f"--{boundary}\r\n%s\r\n" for _ in parts)
    header = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n\r\n'
    return (header + body).encode() % tuple(parts) + f"--{boundary}--\r\n".encode()


def _noise(random: Random, octets: int) -> str:
    return base64.b64encode(random.randbytes(octets)).decode()
