from itertools import permutations

import pytest

from mail_archiver.domain.address import Address, OwnAddresses, Role, normalize_address
from mail_archiver.domain.linking import (
    LINKING_ROLES,
    ContactAddress,
    Direction,
    Link,
    LinkingRules,
    Mention,
    decide_direction,
)

OWN = OwnAddresses.of(["crm@hosted.example"], ["own.example"])
RULES = LinkingRules(OWN)


def address(role: Role, written: str, rule: str | None = None) -> Address:
    return Address(role, "", written, normalize_address(written), rule)


def recipient(role: Role) -> Mention:
    return Mention(role, "recipient-address")


def test_recipients_that_are_not_ours_are_looked_up() -> None:
    found = RULES.mentions(
        [
            address(Role.SENDER, "ann@own.example"),
            address(Role.TO, "Bo@Client.example"),
            address(Role.CC, "crm@hosted.example"),
            address(Role.CC, "cy@client.example"),
            address(Role.BCC, "di@client.example"),
            address(Role.RESENT, "ed@client.example"),
            address(Role.TO, "no address"),
        ]
    )
    assert found == {
        "bo@client.example": recipient(Role.TO),
        "cy@client.example": recipient(Role.CC),
        "di@client.example": recipient(Role.BCC),
        "ed@client.example": recipient(Role.RESENT),
    }


def test_where_answers_go_links_nobody() -> None:
    assert RULES.mentions([address(Role.REPLY_TO, "bo@client.example")]) == {}


@pytest.mark.parametrize("role", sorted(LINKING_ROLES))
def test_roles_that_were_taken_out_link_nobody(role: Role) -> None:
    rules = LinkingRules(OWN, roles=LINKING_ROLES - {role})
    assert rules.mentions([address(role, "bo@client.example")]) == {}
    assert RULES.mentions([address(role, "bo@client.example")]).keys() == {"bo@client.example"}


def test_who_wrote_what_is_forwarded_is_looked_up_by_the_rule_that_found_it() -> None:
    forwarded = [
        address(Role.FORWARDED, "bo@client.example", "forwarded-block-fr"),
        address(Role.FORWARDED, "tom@own.example", "forwarded-block-fr"),
    ]
    linkable = RULES.mentions(forwarded)
    assert linkable == {"bo@client.example": Mention(Role.FORWARDED, "forwarded-block-fr")}
    assert RULES.decide(linkable, [ContactAddress(7, "bo@client.example")]) == [
        Link(7, Role.FORWARDED, "bo@client.example", "forwarded-block-fr")
    ]


def test_a_recipient_whose_mail_is_forwarded_counts_as_recipient() -> None:
    addresses = [
        address(Role.FORWARDED, "bo@client.example", "forwarded-attachment"),
        address(Role.BCC, "bo@client.example"),
    ]
    assert RULES.mentions(addresses) == {"bo@client.example": recipient(Role.BCC)}


@pytest.mark.parametrize("roles", list(permutations([Role.CC, Role.TO, Role.BCC])))
def test_an_address_counts_in_its_strongest_role(roles: tuple[Role, ...]) -> None:
    addresses = [address(role, "bo@client.example") for role in roles]
    assert RULES.mentions(addresses) == {"bo@client.example": recipient(Role.TO)}


def test_a_contact_with_two_addresses_is_linked_once_by_the_stronger() -> None:
    linkable = {"bo@home.example": recipient(Role.TO), "bo@client.example": recipient(Role.CC)}
    contacts = [ContactAddress(7, "bo@client.example"), ContactAddress(7, "bo@home.example")]
    assert RULES.decide(linkable, contacts) == [Link(7, Role.TO, "bo@home.example", "recipient-address")]


def test_an_address_of_two_contacts_links_both() -> None:
    links = RULES.decide(
        {"info@client.example": recipient(Role.CC)},
        [ContactAddress(n, "info@client.example") for n in (2, 1)],
    )
    assert [(link.contact_id, link.role) for link in links] == [(1, Role.CC), (2, Role.CC)]


def test_links_do_not_depend_on_the_order_in_which_contacts_come() -> None:
    linkable = {
        "a@x.example": recipient(Role.CC),
        "b@x.example": recipient(Role.CC),
        "c@x.example": recipient(Role.BCC),
    }
    contacts = [
        ContactAddress(1, "b@x.example"),
        ContactAddress(1, "a@x.example"),
        ContactAddress(2, "c@x.example"),
    ]
    results = {tuple(RULES.decide(linkable, order)) for order in permutations(contacts)}
    assert len(results) == 1
    assert [(link.contact_id, link.address) for link in results.pop()] == [
        (1, "a@x.example"),
        (2, "c@x.example"),
    ]


def test_a_contact_that_no_address_names_is_not_linked() -> None:
    assert RULES.decide({"a@x.example": recipient(Role.TO)}, [ContactAddress(1, "b@x.example")]) == []
    assert RULES.decide({}, [ContactAddress(1, "")]) == []


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


def test_what_is_forwarded_to_the_archive_alone_stays_internal() -> None:
    addresses = [
        address(Role.SENDER, "ann@own.example"),
        address(Role.TO, "crm@hosted.example"),
        address(Role.FORWARDED, "bo@client.example", "forwarded-block-en"),
    ]
    assert decide_direction(addresses, OWN) is Direction.INTERNAL


def test_the_direction_is_unknown_while_nothing_is_known_to_be_ours() -> None:
    addresses = [address(Role.SENDER, "ann@own.example"), address(Role.TO, "bo@client.example")]
    assert decide_direction(addresses, OwnAddresses()) is None
