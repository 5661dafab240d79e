import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.strategies import MAILS, Mail

from mail_archiver.domain.limits import MAX_DEPTH, MAX_PARTS
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.structure import Structure
from mail_archiver.mime.structure import scan as scan_octets
from mail_archiver.octets import InMemory


def scan(source: bytes) -> Structure:
    return scan_octets(InMemory(source))


def contents(structure: Structure) -> list[tuple[str, bytes]]:
    """Number and body of each leaf."""
    return [(part.number, structure.source.read(part.start, part.end)) for part in structure.root.leaves]


def codes(structure: Structure) -> list[DefectCode]:
    return [defect.code for defect in structure.defects]


def test_a_message_without_multipart_is_one_leaf() -> None:
    structure = scan(b"Subject: a\r\n\r\nbody\r\n")
    assert contents(structure) == [("", b"body\r\n")]
    assert structure.root.content_type == "text/plain"
    assert structure.header_end == len(b"Subject: a\r\n\r\n")


def test_parts_are_numbered_as_imap_counts_them() -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n"
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n"
        b"--a\n\nthree\n--a--\nepilogue"
    )
    assert contents(structure) == [("1.1", b"one"), ("1.2", b"two"), ("2", b"three")]
    assert structure.defects == ()


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_the_line_end_before_a_delimiter_belongs_to_it(line_end: bytes) -> None:
    source = b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n\n--a  \n\ntwo\n--a--".replace(
        b"\n", line_end
    )
    expected_end = b"\n" if line_end == b"\r" else line_end
    assert contents(scan(source)) == [("1", b"one" + expected_end), ("2", b"two")]


def test_a_missing_final_boundary_loses_no_part() -> None:
    structure = scan(b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n\ntwo\n")
    assert contents(structure) == [("1", b"one"), ("2", b"two\n")]
    assert codes(structure) == [DefectCode.MULTIPART_UNCLOSED]


def test_an_outer_delimiter_closes_the_multiparts_inside() -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n"
        b"--b\n\none\n--a\n\ntwo\n--a--\n"
    )
    assert contents(structure) == [("1.1", b"one"), ("2", b"two")]
    assert [(d.code, d.where) for d in structure.defects] == [(DefectCode.MULTIPART_UNCLOSED, "1")]


def test_a_delimiter_written_twice_makes_no_empty_part() -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n\none\n--a\n--a\n--a\n\ntwo\n--a--"
    )
    assert contents(structure) == [("1", b"one"), ("2", b"two")]


def test_an_empty_part_is_a_part() -> None:
    structure = scan(b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\n--a\n\ntwo\n--a--")
    assert contents(structure) == [("1", b""), ("2", b"two")]


@pytest.mark.parametrize(
    "line",
    [b"--ab", b"--a b", b"-a", b"x--a", b"--", b"--a---", b" --a"],
    ids=lambda line: str(line, "ascii"),
)
def test_a_line_that_only_looks_like_a_delimiter_is_text(line: bytes) -> None:
    structure = scan(b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\n" + line + b"\n--a--")
    assert contents(structure) == [("1", line)]


def test_a_boundary_that_begins_like_another_is_not_taken_for_it() -> None:
    structure = scan(
        b'Content-Type: multipart/mixed; boundary="a"\n\n--a\n'
        b'Content-Type: multipart/mixed; boundary="ab"\n\n'
        b"--ab\n\none\n--ab--\n--a\n\ntwo\n--a--"
    )
    assert contents(structure) == [("1.1", b"one"), ("2", b"two")]
    assert structure.defects == ()


@pytest.mark.parametrize(
    ("parameter", "delimiter"),
    [
        (b'boundary="=_?(x):/,"', b"=_?(x):/,"),
        (b"boundary=\xc3\xa9", b"\xc3\xa9"),
        (b"boundary=\xe9", b"\xe9"),
        (b"boundary*=utf-8''%C3%A9", b"\xc3\xa9"),
        (b"boundary*0=ab; boundary*1=cd", b"abcd"),
        (b'boundary="a "', b"a"),
        (b'BOUNDARY = "a"; boundary="b"', b"a"),
    ],
)
def test_boundaries_are_compared_as_bytes(parameter: bytes, delimiter: bytes) -> None:
    source = b"Content-Type: multipart/mixed; %b\n\n--%b\n\none\n--%b--\n" % (parameter, delimiter, delimiter)
    assert contents(scan(source)) == [("1", b"one")]


def test_a_multipart_without_boundary_is_kept_as_it_is() -> None:
    structure = scan(b"Content-Type: multipart/mixed\n\n--a\n\none\n--a--\n")
    assert contents(structure) == [("", b"--a\n\none\n--a--\n")]
    assert codes(structure) == [DefectCode.BOUNDARY_MISSING]


def test_parts_of_a_digest_are_messages() -> None:
    root = scan(b"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: b\n\nc\n--a--").root
    assert [part.content_type for part in root.leaves] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"TEXT/HTML", "text/html"),
        (b"text", "text/plain"),
        (b"text/", "text/plain"),
        (b"", "text/plain"),
        (b"text/html/x", "text/plain"),
        (b"image/svg+xml (a picture)", "image/svg+xml"),
        (b"text/html charset=utf-8", "text/html"),
        (b"\r\n text/html", "text/html"),
    ],
)
def test_a_content_type_is_a_type_and_a_subtype(value: bytes, expected: str) -> None:
    assert scan(b"Content-Type: " + value + b"\r\n\r\n").root.content_type == expected


@pytest.mark.parametrize(
    ("header", "names", "body", "broken"),
    [
        (b"A: 1\n folded\nB : 2\n\nbody", ["a", "b"], b"body", False),
        (b"A: 1\nstray\nB: 2\n\nbody", ["a", "b"], b"body", True),
        (b"A: 1\nbad name: 2\n folded\n\nbody", ["a"], b"body", True),
        (b"A: 1\nHello\n\nbody", ["a"], b"Hello\n\nbody", True),
        (
            b"A: 1\nAt 10:30 we met\n  indented\nand left",
            ["a"],
            b"At 10:30 we met\n  indented\nand left",
            True,
        ),
        (b"A: 1\nat noon: x", ["a"], b"at noon: x", True),
        (b"\nbody: text", [], b"body: text", False),
        (b"body\nA: 1\n\n", [], b"body\nA: 1\n\n", False),
        (b"From ann Mon Mar 10 2025\nA: 1\n\nbody", ["a"], b"body", False),
        (b" A: 1\nB: 2\n\nbody", ["a", "b"], b"body", False),
        (b"A: 1", ["a"], b"", False),
        (b"", [], b"", False),
    ],
)
def test_a_header_ends_where_its_fields_end(
    header: bytes, names: list[str], body: bytes, broken: bool
) -> None:
    structure = scan(header)
    assert list(structure.root.fields) == names
    assert contents(structure) == [("", body)]
    assert codes(structure) == ([DefectCode.HEADERS_BROKEN] if broken else [])


def test_a_part_without_empty_line_ends_at_the_next_delimiter() -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\n"
        b"--a\nContent-Type: text/html\n--a\nContent-Type: text/csv\n\n1\n--a--"
    )
    assert [(p.number, p.content_type) for p in structure.root.leaves] == [
        ("1", "text/html"),
        ("2", "text/csv"),
    ]
    assert contents(structure) == [("1", b""), ("2", b"1")]


def test_multiparts_below_the_deepest_level_are_kept_whole() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(MAX_DEPTH + 9)
    )
    structure = scan(nested + b"\nhello")
    (leaf,) = structure.root.leaves
    assert leaf.number.count(".") == MAX_DEPTH - 1
    assert structure.source.read(leaf.start, leaf.end).endswith(b"\nhello")
    assert codes(structure).count(DefectCode.TOO_DEEP) == 1


def test_parts_beyond_the_most_that_are_read_become_one_that_holds_them_all() -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\n"
        + b"--a\n\nx\n" * (MAX_PARTS + 5)
        + b"--a\n\nlast\n--a--"
    )
    bodies = [body for _, body in contents(structure)]
    assert bodies[:-1] == [b"x"] * (MAX_PARTS - 1)
    assert bodies[-1] == b"\nx\n" + b"--a\n\nx\n" * 5 + b"--a\n\nlast\n--a--"
    assert codes(structure) == [DefectCode.TOO_MANY_PARTS]


def test_ten_thousand_nested_multiparts_cost_no_stack() -> None:
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(10_000)
    )
    assert len(contents(scan(nested))) == 1


@given(MAILS)
def test_every_part_is_found_with_its_content(mail: Mail) -> None:
    structure = scan(mail.render())
    found = [body for _, body in contents(structure)]
    if mail.leaves:
        assert found == [leaf.render().partition(b"\n\n")[2] for leaf in mail.leaves]
    assert structure.defects == ()


@given(st.binary(max_size=300))
def test_leaves_lie_in_order_and_inside_the_source(source: bytes) -> None:
    structure = scan(
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" + source.replace(b"\x00", b"\n--a")
    )
    spans = [(part.start, part.end) for part in structure.root.leaves]
    assert all(start <= end <= len(structure.source) for start, end in spans)
    assert spans == sorted(spans)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "top",
    [
        b"\xef\xbb\xbf",
        b"\r\n",
        b"  \r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\xef\xbb\xbfFrom a@b.example Mon Oct  5\r\n",
    ],
)
def test_what_stands_above_the_first_field_does_not_end_the_header(top: bytes) -> None:
    structure = scan(top + b"From: a@b.example\r\nSubject: x\r\n\r\nbody")
    assert (structure.root.raw("subject"), contents(structure)) == ("x", [("", b"body")])


@pytest.mark.parametrize("body", [b"\r\nHello\r\n", b"\r\nFrom here: a road\r\n", b"Hello\r\nAnn: yes\r\n"])
def test_a_message_may_be_without_a_header(body: bytes) -> None:
    structure = scan(body)
    assert structure.root.raw("ann") is None
