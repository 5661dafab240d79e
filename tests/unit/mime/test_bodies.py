import pytest

from mail_archiver.mime.bodies import name_parameter, sort_parts
from mail_archiver.mime.structure import Part
from mail_archiver.mime.structure import scan as scan_octets
from mail_archiver.octets import InMemory


def render(tree: object, level: int = 0) -> bytes:
    """A message out of "type/subtype[; disposition]" leaves and ("mixed", [...]) multiparts."""
    if isinstance(tree, str):
        content_type, _, disposition = tree.partition("; ")
        header = f"Content-Type: {content_type}\n"
        return (header + (f"Content-Disposition: {disposition}\n" if disposition else "") + "\n.").encode()
    assert isinstance(tree, tuple)
    subtype, children = tree
    boundary = f"level{level}"
    body = "".join(f"--{boundary}\n{render(child, level + 1).decode()}\n" for child in children)
    return f"Content-Type: multipart/{subtype}; boundary={boundary}\n\n{body}--{boundary}--\n".encode()


def numbers(parts: list[Part]) -> list[str]:
    return [part.number or "1" for part in parts]


@pytest.mark.parametrize(
    ("tree", "text", "html", "attachments"),
    [
        ("text/plain", ["1"], ["1"], []),
        ("text/html", ["1"], ["1"], []),
        ("text/plain; attachment", [], [], ["1"]),
        ("application/pdf", [], [], ["1"]),
        ("text/calendar", [], [], ["1"]),
        (("alternative", ["text/plain", "text/html"]), ["1"], ["2"], []),
        (("alternative", ["text/html", "text/plain"]), ["2"], ["1"], []),
        (("alternative", ["text/plain"]), ["1"], ["1"], []),
        (("alternative", ["text/plain", "text/html", "text/calendar"]), ["1"], ["2"], ["3"]),
        (("mixed", ["text/plain", "application/pdf"]), ["1"], ["1"], ["2"]),
        (("mixed", ["text/plain", "text/plain"]), ["1", "2"], ["1", "2"], []),
        (("mixed", ["text/plain", "text/plain; attachment"]), ["1"], ["1"], ["2"]),
        (("mixed", ["text/plain", "text/plain; inline; filename=a.txt"]), ["1"], ["1"], ["2"]),
        (("mixed", ["text/plain; inline; filename=a.txt", "image/png"]), ["1"], ["1"], ["2"]),
        (("mixed", ["text/plain", "image/png; inline"]), ["1"], ["1"], ["2"]),
        (("mixed", ["application/pdf", "text/plain"]), ["2"], ["2"], ["1"]),
        (("mixed", [("alternative", ["text/plain", "text/html"]), "image/png"]), ["1.1"], ["1.2"], ["2"]),
        (("related", ["text/html", "image/png", "text/html"]), ["1"], ["1"], ["2", "3"]),
        (("alternative", ["text/plain", ("related", ["text/html", "image/png"])]), ["1"], ["2.1"], ["2.2"]),
        (
            ("alternative", ["text/plain", ("mixed", ["text/html", "application/pdf", "text/html"])]),
            ["1"],
            ["2.1", "2.3"],
            ["2.2"],
        ),
        (("related", [("alternative", ["text/plain", "text/html"]), "image/png"]), ["1.1"], ["1.2"], ["2"]),
        (("mixed", ["text/plain", "message/rfc822"]), ["1"], ["1"], ["2"]),
        (("report", ["text/plain", "message/delivery-status"]), ["1"], ["1"], ["2"]),
        (("signed", ["text/plain", "application/pgp-signature"]), ["1"], ["1"], ["2"]),
    ],
)
def test_bodies_are_told_from_attachments(
    tree: object, text: list[str], html: list[str], attachments: list[str]
) -> None:
    found = sort_parts(scan_octets(InMemory(render(tree))).root)
    assert (numbers(found.text), numbers(found.html), numbers(found.attachments)) == (text, html, attachments)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b"Content-Disposition: attachment; filename=a.pdf", b"a.pdf"),
        (b"Content-Type: application/pdf; name=a.pdf", b"a.pdf"),
        (b"Content-Type: application/pdf; name=b.pdf\nContent-Disposition: inline; filename=a.pdf", b"a.pdf"),
        (b'Content-Type: application/pdf; name=b.pdf\nContent-Disposition: inline; filename=""', b"b.pdf"),
        (b"Content-Disposition: attachment", None),
        (b'Content-Type: application/pdf; name=""', None),
    ],
)
def test_a_part_is_named_by_its_disposition_before_its_type(header: bytes, name: bytes | None) -> None:
    parameter = name_parameter(scan_octets(InMemory(header + b"\n\n")).root)
    assert (parameter and parameter.octets) == name
