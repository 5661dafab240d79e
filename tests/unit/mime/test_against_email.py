"""Fed headers and delimiters alone, the standard library's parser finds what it finds in all of a message."""

import email
from collections.abc import Iterator
from email.policy import compat32
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.unit.mime.strategies import MAILS, Mail

from mail_archiver.domain.limits import Effort
from mail_archiver.mime.leaf import read_leaf
from mail_archiver.mime.structure import scan
from mail_archiver.octets import InMemory, whole

CORPUS = Path(__file__).parents[2] / "corpus"
SAMPLES = sorted([*(CORPUS / "rfc").glob("*.eml"), *(CORPUS / "clients").glob("*.eml")])
TAKES_A_FIELD_FOR_TEXT = {"from-with-space-before-colon", "obsolete-addresses"}
"""White space before the colon (RFC 5322 section 4.5) ends the header for it."""

Leaves = list[tuple[str, bytes]]


def as_we_read(source: bytes) -> Leaves:
    structure, effort = scan(InMemory(source)), Effort.for_message(len(source))
    leaves = [
        read_leaf(structure.source, part, lambda _code, _action: None, effort)
        for part in structure.root.leaves
    ]
    return [(leaf.part.content_type, without_line_ends(whole(leaf.content))) for leaf in leaves]


def as_email_reads(source: bytes) -> Leaves:
    return list(_leaves(email.message_from_bytes(source, policy=compat32)))


def _leaves(part: Any) -> Iterator[tuple[str, bytes]]:
    payload = part.get_payload()
    if isinstance(payload, list) and part.get_content_maintype() == "multipart":
        for child in payload:
            yield from _leaves(child)
        return
    # What a message/… part encloses is taken apart there, and a leaf here.
    content = b"" if isinstance(payload, list) else part.get_payload(decode=True)
    assert isinstance(content, bytes)
    yield part.get_content_type(), without_line_ends(content)


def without_line_ends(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").rstrip()


@pytest.mark.parametrize(
    "path",
    [path for path in SAMPLES if path.stem not in TAKES_A_FIELD_FOR_TEXT],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_samples_have_the_same_parts(path: Path) -> None:
    ours, theirs = as_we_read(path.read_bytes()), as_email_reads(path.read_bytes())
    assert [content_type for content_type, _ in ours] == [content_type for content_type, _ in theirs]
    for (content_type, content), (_, other) in zip(ours, theirs, strict=True):
        if not content_type.startswith("message/"):
            assert content == other


@given(MAILS.filter(lambda mail: mail.leaves))
def test_any_good_message_has_the_same_parts(mail: Mail) -> None:
    assert as_we_read(mail.render()) == as_email_reads(mail.render())
