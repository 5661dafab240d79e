import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.address import (
    MAX_ADDRESS_OCTETS,
    RECIPIENT_ROLES,
    OwnAddresses,
    Role,
    normalize_address,
    normalize_domain,
)

LABELS = st.text("abcdefghijklmnopqrstuvwxyzäöüßéλжя雪日", min_size=1, max_size=10)
LOCALS = st.text("abcABC019.+_-'é", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("address", "normalized"),
    [
        ("Ann.Lee@Client.Example", "ann.lee@client.example"),
        (" ann@client.example ", "ann@client.example"),
        ("ann+tag@client.example", "ann+tag@client.example"),
        ("a.n.n@gmail.example", "a.n.n@gmail.example"),
        ("ann@client.example.", "ann@client.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example"),
        ("ann@client。example。", "ann@client.example"),
        ("jörg@client.example", "jörg@client.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ('"a,b"@client.example', '"a,b"@client.example'),
        ("ann@[192.0.2.1]", "ann@[192.0.2.1]"),
        ("ann@localhost", "ann@localhost"),
        ("ann@.client.example", "ann@.client.example"),
        ("o'neil@client.example", "o'neil@client.example"),
    ],
)
def test_addresses_are_compared_in_lower_case_with_the_domain_as_a_labels(
    address: str, normalized: str
) -> None:
    assert normalize_address(address) == normalized


@pytest.mark.parametrize(
    ("quoted", "plain"),
    [('"ann"@x.example', "ann@x.example"), ('"ken..ito."@x.example', "ken..ito.@x.example")],
)
def test_quotation_marks_that_nothing_needs_make_no_difference(quoted: str, plain: str) -> None:
    assert normalize_address(quoted) == normalize_address(plain) == plain


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@client.example",
        "ann@.",
        "ann lee@client.example",
        "ann@client example",
        "ann\t@client.example",
        "ann\0@client.example",
        "ann@client.example\u200b",
        "ann\ud800@client.example",
        "mailto:ann@client.example",
        "<ann@client.example>",
        "ann@x@client.example",
        "ann@client.example;",
        "a" * MAX_ADDRESS_OCTETS + "@client.example",
        "ann@" + "é" * 500_000,
    ],
)
def test_what_is_no_address_has_no_normal_form(address: str) -> None:
    assert normalize_address(address) is None


def test_the_longest_address_is_still_one() -> None:
    address = "a" * (MAX_ADDRESS_OCTETS - len("@client.example")) + "@client.example"
    assert normalize_address(address) == address
    assert normalize_address("a" + address) is None


@given(
    st.text(max_size=40)
    | st.builds("{}@{}.{}".format, LOCALS, LABELS, LABELS)
    | st.builds("{}@{}".format, st.text(), st.text())
)
def test_normalizing_twice_changes_nothing(address: str) -> None:
    normalized = normalize_address(address)
    if normalized is not None:
        assert normalize_address(normalized) == normalized
        assert len(normalized.encode()) <= MAX_ADDRESS_OCTETS


@given(LOCALS, LABELS)
def test_punycode_and_unicode_name_the_same_domain(local: str, label: str) -> None:
    unicode_form = normalize_address(f"{local}@{label}.example")
    assert unicode_form is not None
    a_label = unicode_form.rpartition("@")[2]
    assert a_label.isascii()
    assert normalize_address(f"{local}@{a_label.upper()}") == unicode_form


@pytest.mark.parametrize(
    "domain", ["Client.Example", "@client.example", ".client.example", "client.example.", " client.example "]
)
def test_a_domain_may_be_written_in_several_ways(domain: str) -> None:
    assert normalize_domain(domain) == "client.example"


def test_own_addresses_are_single_ones_and_whole_domains() -> None:
    own = OwnAddresses.of(["Boss@Gmail.example", "no address"], ["Own.example", "@bücher.example", ""])
    assert own.addresses == {"boss@gmail.example"}
    assert own.domains == {"own.example", "xn--bcher-kva.example"}


@pytest.mark.parametrize(
    ("normalized", "is_own"),
    [
        ("boss@gmail.example", True),
        ("other@gmail.example", False),
        ("ann@own.example", True),
        ("ann@mail.own.example", True),
        ("ann@notown.example", False),
        ("ann@own.example.evil.example", False),
        ("own.example@evil.example", False),
    ],
)
def test_subdomains_are_ours_and_lookalikes_are_not(normalized: str, is_own: bool) -> None:
    assert (normalized in OwnAddresses.of(["boss@gmail.example"], ["own.example"])) == is_own


def test_nothing_is_ours_when_nothing_is_set() -> None:
    assert "ann@own.example" not in OwnAddresses()


def test_roles_are_ranked_from_to_down() -> None:
    ranked = ["to", "cc", "bcc", "resent", "delivered", "sender", "reply_to", "forwarded"]
    assert [role.value for role in sorted(Role, key=lambda role: role.rank)] == ranked


def test_a_delivery_address_is_no_recipient() -> None:
    assert {Role.TO, Role.CC, Role.BCC, Role.RESENT} == RECIPIENT_ROLES
