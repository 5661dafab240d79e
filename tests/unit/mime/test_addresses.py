import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.address import Role, normalize_address
from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.addresses import read_addresses

ATOMS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs"), exclude_characters="'=\"\\"),
    min_size=1,
    max_size=12,
)


def read(raw: bytes) -> tuple[list[tuple[str, str]], list[DefectCode]]:
    codes: list[DefectCode] = []
    addresses = read_addresses(raw.decode(), Role.TO, lambda code, _action: codes.append(code))
    return [(address.display_name, address.address) for address in addresses if address], codes


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a@x.example", [("", "a@x.example")]),
        (b"<a@x.example>", [("", "a@x.example")]),
        (b"Ann Lee <a@x.example>", [("Ann Lee", "a@x.example")]),
        (b'"Lee, Ann" <a@x.example>', [("Lee, Ann", "a@x.example")]),
        (b'"Ann \\"A.\\" Lee" <a@x.example>', [('Ann "A." Lee', "a@x.example")]),
        (b"a@x.example (Ann Lee)", [("Ann Lee", "a@x.example")]),
        (b"a@x.example, b@y.example", [("", "a@x.example"), ("", "b@y.example")]),
        (b"a@x.example; b@y.example", [("", "a@x.example"), ("", "b@y.example")]),
        (b"a@x.example,\tb@y.example", [("", "a@x.example"), ("", "b@y.example")]),
        (b"=?utf-8?Q?Bo_=C3=96k=2C_CEO?= <b@y.example>", [("Bo Ök, CEO", "b@y.example")]),
        (b'"=?utf-8?B?w5ZrLCBCbw==?=" <b@y.example>', [("Ök, Bo", "b@y.example")]),
        (b"=?utf-8?Q?Bo?= =?utf-8?Q?_Ek?= <b@y.example>", [("Bo Ek", "b@y.example")]),
        (b"=?utf-8?Q?Bo_=3Cb@y.example=3E?=", [("Bo", "b@y.example")]),
        (
            b"=?utf-8?Q?Ek,_Bo?= =?utf-8?B?w6k=?=<b@y.example>, a@x.example",
            [("Ek, Boé", "b@y.example"), ("", "a@x.example")],
        ),
        (b"=?utf-8?Q?Bo?= Ek <b@y.example>", [("Bo Ek", "b@y.example")]),
        (b"B\xc3\xb6 <b\xc3\xb6@y.example>", [("Bö", "bö@y.example")]),
        (
            b"Team: a@x.example, b@y.example;, c@z.example",
            [("", "a@x.example"), ("", "b@y.example"), ("", "c@z.example")],
        ),
        (b"undisclosed-recipients:;", []),
        (b"Undisclosed recipients: ;", []),
        (b"", []),
        (b" , ,; <>,", []),
        (b"<@relay.example,@two.example:a@x.example>", [("", "a@x.example")]),
        (b"a @ x . example", [("", "a@x.example")]),
        (b"Pete(a \\) chap) <pete(his)@silly.example(host)>", [("Pete", "pete@silly.example")]),
        (b"a@x.example (Jan (the elder))", [("Jan (the elder)", "a@x.example")]),
        (b"a@[192.0.2.1]", [("", "a@[192.0.2.1]")]),
        (b"Ann <a@[IPv6:2001:db8::1]>", [("Ann", "a@[IPv6:2001:db8::1]")]),
        (b'"a,b"@x.example', [("", '"a,b"@x.example')]),
        (b"Ann [Sales] <a@x.example>", [("Ann [Sales]", "a@x.example")]),
        (b"b@y.example <a@x.example>", [("b@y.example", "a@x.example")]),
    ],
)
def test_an_address_list_is_read(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert read(raw) == (expected, [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Ann <a@x.example> Bo <b@y.example>", [("Ann", "a@x.example"), ("Bo", "b@y.example")]),
        (b"a@x.example b@y.example", [("", "a@x.example"), ("", "b@y.example")]),
        (b"Ann a@x.example", [("Ann", "a@x.example")]),
        (b"<a@x.example; b@y.example>", [("", "a@x.example"), ("", "b@y.example")]),
        (b"<<a@x.example>>", [("", "a@x.example")]),
        (b"'a@x.example'", [("", "a@x.example")]),
        (b"'Ann' <a@x.example>", [("Ann", "a@x.example")]),
        (b"Ann <mailto:a@x.example>", [("Ann", "a@x.example")]),
        (b"mailto:a@x.example", [("", "a@x.example")]),
        (b'"Ann <a@x.example>, b@y.example', [("Ann", "a@x.example"), ("", "b@y.example")]),
        (b"Ann (Sales <a@x.example>, b@y.example", [("Ann (Sales", "a@x.example"), ("", "b@y.example")]),
        (b"Ann <a@x.example, Bo <b@y.example>", [("Ann", "a@x.example"), ("Bo", "b@y.example")]),
        (b"Ann <Sales> <a@x.example>", [("Ann", "a@x.example")]),
        (b"Re: Ann <a@x.example>", [("Ann", "a@x.example")]),
    ],
)
def test_a_slip_costs_no_address(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert read(raw) == (expected, [])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Lee, Ann <a@x.example>", [("Lee, Ann", "a@x.example")]),
        (
            b"Lee, Ann, Dr. <a@x.example>, Ek, Bo <b@y.example>",
            [("Lee, Ann, Dr.", "a@x.example"), ("Ek, Bo", "b@y.example")],
        ),
        (b"Team: Lee, Ann <a@x.example>;", [("Lee, Ann", "a@x.example")]),
        (b"a@x.example Tue Mar  3 21:00:00 2026", [("", "a@x.example")]),
        (b"Ann <a@x.example at work>", [("Ann", "a@x.example")]),
        (b"a@x.example at work", [("at work", "a@x.example")]),
        (b"Ann <x.example a@x.example>", [("Ann", "a@x.example")]),
        (b"Ann <ann lee@x.example>", [("Ann", "lee@x.example")]),
        (b"=?utf-8?q?J=C3=BCrgen?=a@x.example", [("Jürgen", "a@x.example")]),
        (
            b'<"a@x.example\\" <a@x.example>, Bo <b@y.example>"@localhost.localdomain>',
            [("", "a@x.example"), ("", "b@y.example")],
        ),
    ],
)
def test_the_address_that_a_person_sees_is_found(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert read(raw)[0] == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"nobody, b@y.example", [("", "nobody"), ("", "b@y.example")]),
        (b"Ann <ann>", [("Ann", "ann")]),
        (b"MAILER-DAEMON <>", [("", "MAILER-DAEMON")]),
        (b"<ann lee>", [("", "ann lee")]),
        (b"a@x@y.example", [("", "a@x@y.example")]),
        (b"a@", [("", "a@")]),
        (b"@x.example", [("", "@x.example")]),
    ],
)
def test_what_is_no_address_is_kept_as_written_and_reported(
    raw: bytes, expected: list[tuple[str, str]]
) -> None:
    addresses, codes = read(raw)
    assert addresses == expected
    assert codes == [DefectCode.ADDRESS_INVALID]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("\0", []),
        ("a@x.example, \u200b", [("", "a@x.example")]),
        ("\0 <\u200b>", []),
        ("Ann <\0>", [("", "Ann")]),
    ],
)
def test_of_what_nobody_can_see_nothing_is_kept(raw: str, expected: list[tuple[str, str]]) -> None:
    assert read(raw.encode())[0] == expected


def test_an_address_that_is_none_has_nothing_to_compare() -> None:
    (address,) = read_addresses("nobody", Role.CC, lambda _code, _action: None)
    assert address is not None
    assert (address.role, address.normalized) == (Role.CC, None)


@given(st.lists(st.tuples(NAMES, ATOMS, ATOMS), max_size=8), st.sampled_from([b", ", b",  ", b";", b","]))
def test_every_address_of_a_well_formed_list_is_found_in_order(
    people: list[tuple[str, str, str]], comma: bytes
) -> None:
    raw = comma.join(f'"{name}" <{local}@{host}.example>'.encode() for name, local, host in people)
    assert read(raw)[0] == [(name, f"{local}@{host}.example") for name, local, host in people]


@given(st.text('ab@.,;:<>()[]"\\= ?\t', max_size=40))
def test_a_broken_neighbour_costs_at_most_itself(noise: str) -> None:
    """Whatever stands before: what the noise leaves open may swallow the next element, not the ones after."""
    raw = (noise.replace("=?", "") + " x@y.example, <safe@y.example>, <last@y.example>").encode()
    found = [normalize_address(address) for _, address in read(raw)[0]]
    if not set('"([') & set(noise):
        assert "safe@y.example" in found
        assert "last@y.example" in found
    assert all(address == address.strip() for _, address in read(raw)[0])


@pytest.mark.parametrize(
    "noise", ["(", "<", '"', "[", '\\"', "\\(", "a", "@", "=?", "(a", "<a", "a@[ ", ",", "=?a?q?"]
)
def test_a_long_run_of_anything_is_read_to_its_end(noise: str) -> None:
    """A quadratic expression would take minutes here."""
    raw = (noise * (200_000 // len(noise)) + ",last@x.example").encode()
    assert read(raw)[0][-1][1].endswith("last@x.example")
