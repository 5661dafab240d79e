import pytest

from mail_archiver.archiving.contact_import import CONTACTS
from mail_archiver.archiving.csv_file import MAX_RECORD_LINES, read_csv
from mail_archiver.archiving.importing import Line
from mail_archiver.domain.contact import ImportedContact
from mail_archiver.errors import ConfigError

HEADER = "external_id,last_name,addresses\n"


def read(text: str) -> list[Line[ImportedContact]]:
    return list(read_csv(text.splitlines(keepends=True), "contacts.csv", CONTACTS))


def addresses(line: Line[ImportedContact]) -> list[str]:
    assert not isinstance(line.content, str)
    return [written for written, _ in line.content.addresses]


@pytest.mark.parametrize(
    ("field", "found", "bad"),
    [
        ("Zoé Lang <z@post.example>", ["z@post.example"], ()),
        ("mailto:z@post.example", ["z@post.example"], ()),
        ("\u200bz@post.example\ufeff", ["z@post.example"], ()),
        ("z@post.example; none ;y@post.example", ["z@post.example", "y@post.example"], ("none",)),
        ("z@post.example;Z@post.example", ["z@post.example"], ()),
        ("-", [], ("-",)),
        ("", [], ()),
    ],
)
def test_addresses_are_read_as_people_write_them(field: str, found: list[str], bad: tuple[str, ...]) -> None:
    (line,) = read(f"{HEADER}c1,Lang,{field}\n")
    assert (addresses(line), line.bad_addresses) == (found, bad)


def test_a_column_of_addresses_may_be_there_several_times() -> None:
    (line,) = read("external_id,addresses,addresses\nc1,a@post.example,b@home.example\n")
    assert addresses(line) == ["a@post.example", "b@home.example"]


def test_another_column_may_not() -> None:
    with pytest.raises(ConfigError, match="column last_name twice"):
        read("external_id,last_name,addresses,last_name\n")


@pytest.mark.parametrize("first", ["sep=;\n", "\ufeffsep=;\r\n", "SEP=;\n"])
def test_the_separator_that_excel_is_told_is_ours(first: str) -> None:
    (line,) = read(f'{first}external_id;addresses\nc1;"a,b@post.example"\n')
    assert (line.number, line.bad_addresses) == (3, ("a",))


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        ('c2,"Lang,b@post.example', "a quotation mark that nothing closes"),
        ('c2,"Lang" von,b@post.example', "no CSV"),
        ('c2,Lang,"b@post.example\nc3,Berg,"', "a quotation mark that line 4 closes; 4 fields"),
    ],
)
def test_a_wrong_quotation_mark_costs_the_lines_it_is_on(spoilt: str, reason: str) -> None:
    lines = read(f"{HEADER}c1,Lang,a@post.example\n{spoilt},\nc9,Lang,c@post.example\n")
    (bad, *_) = (line for line in lines if isinstance(line.content, str))
    assert bad.number == 3
    assert str(bad.content).startswith(reason)
    assert addresses(lines[0]) == ["a@post.example"]
    assert addresses(lines[-1]) == ["c@post.example"]


def test_a_quoted_field_may_go_over_lines() -> None:
    text = "\n".join(["Lang"] * (MAX_RECORD_LINES // 2))
    first, second = read(f'{HEADER}c1,"{text}",a@post.example\nc2,Berg,b@post.example\n')
    assert (first.number, second.number) == (2, 2 + MAX_RECORD_LINES // 2)
