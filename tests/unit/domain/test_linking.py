from itertools import permutations

import pytest

from mail_archiver.domain.address import Address, OwnAddresses, Role, normalize_address
from mail_archiver.domain.linking import (
    ContactAddress,
    Direction,
    Link,
    decide_direction,
    decide_links,
    linkable_addresses,
)

OWN = OwnAddresses.of(["crm@hosted.example"], ["own.example"])


def address(role: Role, written: str) -> Address:
    return Address(role, "", written, normalize_address(written))


def test_recipients_that_are_not_ours_are_looked_up() -> None:
    found = linkable_addresses(
        [
            address(Role.SENDER, "ann@own.example"),
            address(Role.TO, "Bo@Client.example"),
            address(Role.CC, "crm@hosted.example"),
            address(Role.CC, "cy@client.example"),
            address(Role.BCC, "di@client.example"),
            address(Role.RESENT, "ed@client.example"),
            address(Role.TO, "no address"),
        ],
        OWN,
    )
    assert found == {
        "bo@client.example": Role.TO,
        "cy@client.example": Role.CC,
        "di@client.example": Role.BCC,
        "ed@client.example": Role.RESENT,
    }


@pytest.mark.parametrize("role", [Role.SENDER, Role.REPLY_TO, Role.DELIVERED, Role.FORWARDED])
def test_who_is_no_recipient_is_not_looked_up(role: Role) -> None:
    assert linkable_addresses([address(role, "bo@client.example")], OWN) == {}


@pytest.mark.parametrize("roles", list(permutations([Role.CC, Role.TO, Role.BCC])))
def test_an_address_counts_in_its_strongest_role(roles: tuple[Role, ...]) -> None:
    addresses = [address(role, "bo@client.example") for role in roles]
    assert linkable_addresses(addresses, OWN) == {"bo@client.example": Role.TO}


def test_a_contact_with_two_addresses_is_linked_once_by_the_stronger() -> None:
    linkable = {"bo@home.example": Role.TO, "bo@client.example": Role.CC}
    contacts = [ContactAddress(7, "bo@client.example"), ContactAddress(7, "bo@home.example")]
    assert decide_links(linkable, contacts) == [Link(7, Role.TO, "bo@home.example", "recipient-address")]


def test_an_address_of_two_contacts_links_both() -> None:
    links = decide_links(
        {"info@client.example": Role.CC}, [ContactAddress(n, "info@client.example") for n in (2, 1)]
    )
    assert [(link.contact_id, link.role) for link in links] == [(1, Role.CC), (2, Role.CC)]


def test_links_do_not_depend_on_the_order_in_which_contacts_come() -> None:
    linkable = {"a@x.example": Role.CC, "b@x.example": Role.CC, "c@x.example": Role.BCC}
    contacts = [
        ContactAddress(1, "b@x.example"),
        ContactAddress(1, "a@x.example"),
        ContactAddress(2, "c@x.example"),
    ]
    results = {tuple(decide_links(linkable, order)) for order in permutations(contacts)}
    assert len(results) == 1
    assert [(link.contact_id, link.address) for link in results.pop()] == [
        (1, "a@x.example"),
        (2, "c@x.example"),
    ]


def test_a_contact_that_no_address_names_is_not_linked() -> None:
    assert decide_links({"a@x.example": Role.TO}, [ContactAddress(1, "b@x.example")]) == []
    assert decide_links({}, [ContactAddress(1, "")]) == []


@pytest.mark.parametrize(
    ("sender", "recipient", "direction"),
    [
        ("ann@own.example", "bo@client.example", Direction.OUTGOING),
        ("ann@own.example", "crm@hosted.example", Direction.INTERNAL),
        ("ann@own.example", None, Direction.INTERNAL),
        ("bo@client.example", "crm@hosted.example", Direction.INCOMING),
        ("bo@client.example", "cy@client.example", Direction.INCOMING),
        ("no address", "bo@client.example", None),
        (None, "bo@client.example", None),
    ],
)
def test_the_direction_is_seen_from_the_company(
    sender: str | None, recipient: str | None, direction: Direction | None
) -> None:
    addresses = [address(Role.SENDER, sender)] if sender else []
    addresses += [address(Role.TO, recipient)] if recipient else []
    assert decide_direction(addresses, OWN) is direction


def test_an_outgoing_message_stays_outgoing_with_the_archive_in_copy() -> None:
    addresses = [
        address(Role.SENDER, "ann@own.example"),
        address(Role.TO, "crm@hosted.example"),
        address(Role.BCC, "bo@client.example"),
    ]
    assert decide_direction(addresses, OWN) is Direction.OUTGOING


def test_the_direction_is_unknown_while_nothing_is_known_to_be_ours() -> None:
    addresses = [address(Role.SENDER, "ann@own.example"), address(Role.TO, "bo@client.example")]
    assert decide_direction(addresses, OwnAddresses()) is None
