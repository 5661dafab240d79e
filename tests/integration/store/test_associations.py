"""In whose history an archive stands: organizations and opportunities, by rule and by hand."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.integration.store.crm_world import AFTER, BEFORE, RULES, World
from tests.integration.store.messages import NOW
from tests.integration.store.sql import Sql

from mail_archiver.domain.linking import Target
from mail_archiver.store.store import Store

BO, CY = "bo@client.example", "cy@client.example"


@pytest.fixture
def world(store: Store, sql: Sql) -> World:
    return World(store, sql)


def test_an_archive_is_in_the_history_of_its_contacts_organization(world: World) -> None:
    world.organization(5)
    world.contact(1, BO, organization=5)
    world.contact(2, CY)
    world.message(1, headers={"To": f"{BO}, {CY}"})
    world.message(2, headers={"To": CY})
    assert world.organizations() == {(1, 5, "contact", 1)}
    assert world.later() == 0


def test_an_address_of_the_organization_says_more_than_a_contact_of_it(world: World) -> None:
    world.organization(5, "info@client.example")
    world.contact(1, BO, organization=5)
    world.message(1, headers={"To": "info@client.example"})
    world.message(2, headers={"To": BO})
    world.message(3, headers={"To": f"info@client.example, {BO}"})
    assert world.organizations() == {
        (1, 5, "organization-address", None),
        (2, 5, "contact", 1),
        (3, 5, "organization-address", None),
    }
    world.message(4, number=2, headers={"To": BO, "Bcc": "info@client.example"})  # a copy by another road
    assert (2, 5, "organization-address", None) in world.organizations()


def test_two_organizations_with_one_address_are_both_linked_and_marked(world: World, sql: Sql) -> None:
    for number in (5, 6):
        world.organization(number, "info@client.example")
    world.message(1, headers={"To": "Info@Client.example"})
    rows = sql.rows("SELECT organization_id, role, address, ambiguous FROM archive_organization ORDER BY 1")
    assert rows == [(5, "to", "info@client.example", True), (6, "to", "info@client.example", True)]


def test_what_is_ours_is_no_address_of_an_organization(world: World) -> None:
    world.organization(5, "eve@example.com")
    world.message(1, headers={"To": BO})
    world.later()
    assert world.organizations() == set()


def test_organizations_that_come_later_are_linked_later(world: World) -> None:
    world.contact(1, BO)
    world.message(1, headers={"To": BO})
    world.message(2, headers={"To": "Info+Sales@client.example"})
    world.later()
    world.organization(5, "info@client.example")
    world.sql.run("UPDATE contact SET organization_id = 5 WHERE id = 1")
    tagged = replace(world, rules=replace(RULES, subaddresses=True))
    assert tagged.later() == 2
    assert world.organizations() == {(1, 5, "contact", 1), (2, 5, "organization-address/subaddress", None)}
    assert (world.later(), tagged.relink()) == (0, 0)


def test_a_contact_that_moves_on_leaves_its_mail_behind(world: World) -> None:
    world.organization(5)
    world.organization(6)
    world.contact(1, BO, organization=5)
    world.message(1, headers={"To": BO})
    world.later()
    world.sql.run("UPDATE contact SET organization_id = 6 WHERE id = 1")
    world.message(2, headers={"To": BO})
    world.later()
    assert world.organizations() == {(1, 5, "contact", 1), (2, 6, "contact", 1)}


def test_a_message_is_linked_to_an_opportunity_of_each_contact(world: World) -> None:
    world.contact(1, BO)
    world.contact(2, CY)
    world.opportunity(7, 1)
    world.opportunity(8, 1, updated=NOW + timedelta(days=1))
    world.opportunity(9, 2, stage="won")
    world.later()
    world.message(1, headers={"To": f"{BO}, {CY}"})
    world.message(2, headers={"From": CY, "To": "eve@example.com"})
    assert world.opportunities() == {
        (1, 8, "last-modified-open", 1),
        (1, 9, "only-won", 2),
        (2, 9, "only-won", 2),
    }
    ambiguous = world.sql.rows("SELECT opportunity_id, ambiguous FROM archive_opportunity")
    assert {(number, bool(told)) for number, told in ambiguous} == {(8, True), (9, False)}


def test_mail_older_than_the_set_up_needs_exactly_one_that_existed(world: World) -> None:
    world.contact(1, BO)
    world.contact(2, CY)
    world.opportunity(7, 1)
    for number in (8, 9):
        world.opportunity(number, 2)
    world.message(1, BEFORE, headers={"To": f"{BO}, {CY}"})
    world.later()
    world.message(2, BEFORE, headers={"To": f"{BO}, {CY}"})
    world.message(3, BEFORE - timedelta(days=365), headers={"To": BO})
    assert world.opportunities() == {(1, 7, "only-one-then", 1), (2, 7, "only-one-then", 1)}


def test_an_opportunity_that_comes_later_gets_the_mail_that_is_in_none(world: World) -> None:
    world.contact(1, BO)
    world.opportunity(7, 1)
    world.contact(2, CY)
    world.later()
    world.message(1, headers={"To": BO})
    world.message(2, headers={"To": CY})
    world.message(3, headers={"To": f"{BO}, {CY}"})
    world.opportunity(8, 1, 2, updated=AFTER)
    assert world.later() == 1
    assert world.opportunities() == {(1, 7, "only-open", 1), (2, 8, "only-open", 2), (3, 7, "only-open", 1)}
    assert (world.later(), world.relink()) == (0, 0)


def test_a_contact_that_comes_later_brings_its_opportunity(world: World) -> None:
    world.message(1, headers={"To": BO})
    world.later()
    world.contact(1, BO)
    world.opportunity(7, 1)
    world.later()
    assert world.opportunities() == {(1, 7, "only-open", 1)}


def test_off_no_link_by_rule_is_left_and_on_again_all_is_predicted_anew(world: World) -> None:
    world.contact(1, BO)
    world.contact(2, CY)
    world.opportunity(7, 1)
    world.opportunity(8, 2)
    world.opportunity(9)
    world.later()
    world.message(1, headers={"To": BO})
    world.message(2, headers={"To": BO})
    world.message(3, headers={"To": f"{BO}, {CY}"})
    world.unlink(Target.OPPORTUNITY, 2, 7)
    world.link(Target.OPPORTUNITY, 2, 9)
    world.unlink(Target.OPPORTUNITY, 3, 7)
    settled = {(2, 9, None, None), (3, 8, "only-open", 2)}
    assert world.opportunities() == settled | {(1, 7, "only-open", 1)}

    off = replace(world, rules=replace(RULES, opportunities=False))
    off.later()
    assert world.opportunities() == settled  # a person has had a say in these
    off.message(4, headers={"To": BO})
    off.later()
    assert world.opportunities() == settled
    world.sql.run("UPDATE opportunity SET stage = 'lost' WHERE id = 7")
    world.opportunity(10, 1)
    on_again = replace(world, now=NOW + timedelta(days=1))
    on_again.later()
    assert world.opportunities() == settled | {(1, 10, "only-open", 1), (4, 10, "only-open", 1)}
    assert on_again.later() == 0


def test_of_two_runs_that_turn_it_on_together_one_does(world: World) -> None:
    first = world.store.transaction()
    with ThreadPoolExecutor() as pool:
        with first as uow:
            assert uow.opportunities.set_up(NOW)
            second = pool.submit(replace(world, now=AFTER).later)
            with pytest.raises(TimeoutError):
                second.result(0.3)  # waits
        second.result()

    with world.store.reading() as uow:
        assert uow.opportunities.set_up_at() == NOW


def test_a_link_by_hand_to_a_contact_brings_what_follows_and_takes_it_along(world: World) -> None:
    world.organization(5)
    world.contact(1, BO, organization=5)
    world.contact(2, CY, organization=5)
    world.opportunity(7, 1, 2)
    world.later()
    world.message(1, headers={"To": "di@client.example"})
    assert world.link(Target.CONTACT, 1, 1)
    assert (world.organizations(), world.opportunities()) == (
        {(1, 5, "contact", 1)},
        {(1, 7, "only-open", 1)},
    )
    world.link(Target.CONTACT, 1, 2)
    world.unlink(Target.CONTACT, 1, 1)
    assert (world.organizations(), world.opportunities()) == (
        {(1, 5, "contact", 2)},
        {(1, 7, "only-open", 2)},
    )
    world.unlink(Target.CONTACT, 1, 2)
    assert (world.organizations(), world.opportunities()) == (set(), set())
    world.relink()
    assert (world.organizations(), world.opportunities()) == (set(), set())


@pytest.mark.parametrize("target", [Target.ORGANIZATION, Target.OPPORTUNITY])
def test_what_a_person_unlinked_never_comes_back_and_what_a_person_linked_never_goes(
    world: World, target: Target
) -> None:
    world.organization(1, "info@client.example")
    world.organization(2)
    world.contact(1, BO, organization=1)
    world.opportunity(1, 1)
    world.opportunity(2)
    world.later()
    world.message(1, headers={"To": f"{BO}, info@client.example"})
    assert world.unlink(target, 1, 1)
    assert not world.unlink(target, 1, 1)
    assert world.link(target, 1, 2)
    assert not world.link(target, 1, 2)
    world.message(2, number=1, headers={"To": f"{BO}, info@client.example", "Bcc": CY})
    replace(world, rules=replace(RULES, opportunities=False)).later()
    world.relink()
    world.unlink(Target.CONTACT, 1, 1)
    world.link(Target.CONTACT, 1, 1)
    links = world.organizations() if target is Target.ORGANIZATION else world.opportunities()
    assert [each[:2] for each in links] == [(1, 2)]


def test_a_deleted_contact_brings_nothing_anew(world: World) -> None:
    world.organization(5)
    world.contact(1, BO)
    world.message(1, headers={"To": BO})
    world.later()
    world.sql.run("UPDATE contact SET deleted_at = CURRENT_TIMESTAMP, organization_id = 5 WHERE id = 1")
    world.opportunity(7, 1)
    world.later()
    assert (world.organizations(), world.opportunities()) == (set(), set())
