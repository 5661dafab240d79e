from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.mime.filenames import MAX_NAME_OCTETS, safe_name

FILENAMES = (
    st.text(max_size=300)
    | st.text("/\\. ab\0\u202e:", max_size=20)
    | st.sampled_from(["con", "NUL.txt", "aux .txt", "CONIN$ . x", "..", "a.pdf", "A.PDF", "ﬁ", "ß", "SS"])
)


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Größe – 5 €.pdf", "Größe – 5 €.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.pdf", "a.pdf"),
        ("folder/", "folder"),
        ("/home/ann/a.pdf", "a.pdf"),
        ("offer 2026/17.pdf", "offer 2026_17.pdf"),
        ("a\\b.pdf", "a_b.pdf"),
        ("a:b*c?.txt", "a_b_c_.txt"),
        ("a\0b.txt", "a_b.txt"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("e\u0301.txt", "é.txt"),
        (" .hidden. ", "hidden"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("nul .txt", "_nul.txt"),
        ("CONIN$", "_CONIN$"),
        ("console.txt", "console.txt"),
        ("x\ud800.txt", "x_.txt"),
        ("a" * 300 + ".pdf", "a" * 146 + ".pdf"),
        ("雪" * 100 + ".pdf", "雪" * 48 + ".pdf"),
        ("a" * 149 + ". " + "b" * 40, "a" * 149),
        ("", "part-7.pdf"),
        ("...", "part-7.pdf"),
        (None, "part-7.pdf"),
    ],
)
def test_a_name_is_made_safe_and_stays_recognisable(filename: str | None, safe: str) -> None:
    assert safe_name(filename, "application/pdf", 7, {}) == safe


@pytest.mark.parametrize(
    ("content_type", "ending"),
    [
        ("application/pdf", ".pdf"),
        ("image/jpeg", ".jpg"),
        ("image/jpg", ".jpg"),
        ("text/plain", ".txt"),
        ("text/calendar", ".ics"),
        ("text/x-own", ".txt"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"),
        ("image/heic", ".heic"),
        ("message/rfc822", ".eml"),
        ("message/delivery-status", ".txt"),
        ("application/x-own", ".bin"),
    ],
)
def test_what_has_no_name_is_named_by_its_place_and_type(content_type: str, ending: str) -> None:
    assert safe_name(None, content_type, 3, {}) == f"part-3{ending}"


def test_twins_are_counted() -> None:
    taken: dict[str, int] = {}
    names = ["a.pdf", "A.pdf", "a (2).pdf", "a.pdf", "a (2).pdf", "b"]
    assert [safe_name(name, "application/pdf", nth, taken) for nth, name in enumerate(names, 1)] == [
        "a.pdf",
        "A (2).pdf",
        "a (2) (2).pdf",
        "a (3).pdf",
        "a (2) (3).pdf",
        "b",
    ]


@given(st.lists(st.none() | FILENAMES, max_size=12))
def test_names_are_safe_distinct_and_bounded(filenames: list[str | None]) -> None:
    taken: dict[str, int] = {}
    names = [safe_name(name, "text/plain", nth, taken) for nth, name in enumerate(filenames, start=1)]
    assert len({name.casefold() for name in names}) == len(names)
    for name in names:
        assert 0 < len(name.encode()) <= MAX_NAME_OCTETS
        assert name.isprintable()
        assert not set(name) & set('/\\<>:"|?*')
        assert name == name.strip(" .")
        assert PureWindowsPath(name).parts == PurePosixPath(name).parts == (name,)
        device = name.partition(".")[0].rstrip().lower()
        assert device not in {"con", "prn", "aux", "nul", "com1", "lpt9", "conin$", "conout$"}


def test_a_thousand_twins_each_get_a_name() -> None:
    taken: dict[str, int] = {}
    names = {safe_name("a.pdf", "application/pdf", nth, taken) for nth in range(1, 1001)}
    assert len(names) == 1000
    assert "a (1000).pdf" in names
