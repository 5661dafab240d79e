"""Every sample in `tests/corpus` reads as a careful person reads it (the JSON beside it)."""

import json
from pathlib import Path
from typing import Any

import pytest

from mail_archiver.archiving.attachment_file import attachment_file
from mail_archiver.mime.parse import parse_message

CORPUS = Path(__file__).parents[2] / "corpus"
SAMPLES = sorted(CORPUS.rglob("*.eml"))


def read(source: bytes) -> dict[str, Any]:
    """What a message says, in the form of the expected parses; the defects in the order of the message."""
    message = parse_message(source)
    file = attachment_file(message.attachments)
    return {
        "subject": message.subject,
        "sender": message.sender.address if message.sender else None,
        "addresses": [[a.role.value, a.display_name, a.address] for a in message.addresses],
        "message_id": message.message_id,
        "sent_at": message.sent_at.isoformat() if message.sent_at else None,
        "body_text": message.body_text,
        "body_html": message.body_html,
        "attachments": [[a.safe_name, a.content_type, len(a.content), a.inline] for a in message.attachments],
        "attachment_file": file.name if file else None,
        "defects": sorted(defect.code.value for defect in message.defects),
        "in_reply_to": list(message.in_reply_to),
        "references": list(message.references),
        "kind": message.kind.value,
        "list_id": message.list_id,
        "auto_submitted": message.auto_submitted,
        "delivery_reports": [
            [report.recipient, report.action, report.status, report.message_id]
            for report in message.delivery_reports
        ],
        "fingerprint": message.fingerprint,
    }


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.relative_to(CORPUS).with_suffix("")))
def test_reads_as_expected(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    expected["defects"].sort()
    actual = read(path.read_bytes())
    # Only what differs is shown; only some samples freeze their fingerprint, and v1 never changes for these.
    different = [key for key in expected if actual[key] != expected[key]]
    assert {key: actual[key] for key in different} == {key: expected[key] for key in different}


def test_every_sample_has_its_expected_parse_and_the_other_way_round() -> None:
    assert len(SAMPLES) >= 150
    assert {path.with_suffix(".json") for path in SAMPLES} == set(CORPUS.rglob("*.json"))


def test_samples_keep_the_line_ends_they_are_about() -> None:
    assert b"\n" not in (CORPUS / "legacy/cr-line-ends.eml").read_bytes()
    assert b"\r" not in (CORPUS / "legacy/mbox-line-and-lf.eml").read_bytes()
    assert b"\r\n" in (CORPUS / "rfc/plain.eml").read_bytes()


def test_golden_fingerprints_stand_in_several_samples() -> None:
    frozen = [path for path in CORPUS.rglob("*.json") if '"fingerprint"' in path.read_text("utf-8")]
    assert len(frozen) >= 8
