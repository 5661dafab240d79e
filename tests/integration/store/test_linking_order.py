"""Whatever order contacts and mail come in, and however often links are made, the links are the same."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.store.crm_world import AFTER, BEFORE, World
from tests.integration.store.sql import Sql

from mail_archiver.store.store import Store
from mail_archiver.store.tables import metadata

ADDRESSES = [f"{name}@client.example" for name in ("bo", "cy", "di", "info")]

Event = Callable[[World], object]

some_addresses = st.lists(st.sampled_from(ADDRESSES), min_size=1, max_size=2, unique=True)


def person(number: int, addresses: Sequence[str], organization: bool, stages: Sequence[str]) -> Event:
    """A contact, with its opportunities, as one transaction of another program would bring them in."""

    def happen(world: World) -> None:
        world.contact(number, *addresses, organization=5 if organization else None)
        for offset, stage in enumerate(stages):
            world.opportunity(10 * number + offset, number, stage=stage)

    return happen


def message(number: int, to: Sequence[str], cc: Sequence[str], after: bool) -> Event:
    def happen(world: World) -> None:
        headers = {"To": ", ".join(to), "Cc": ", ".join(cc)}
        world.message(number, AFTER if after else BEFORE, headers=headers)

    return happen


def company(world: World) -> None:
    world.sql.run(
        "INSERT INTO organization_address (organization_id, address, normalized)"
        " VALUES (5, 'info@client.example', 'info@client.example')"
    )


people = st.lists(
    st.builds(
        partial,
        st.just(person),
        addresses=some_addresses,
        organization=st.booleans(),
        stages=st.lists(st.sampled_from(["open", "won", "lost"]), max_size=2),
    ),
    min_size=1,
    max_size=3,
)
messages = st.lists(
    st.builds(partial, st.just(message), to=some_addresses, cc=some_addresses, after=st.booleans()),
    min_size=1,
    max_size=3,
)


def outcome(world: World, events: Sequence[Event], later_after_each: bool) -> tuple[object, ...]:
    """What is linked, by the messages' own numbers."""
    with world.store.transaction() as uow:
        for table in reversed(metadata.sorted_tables):
            uow.links._connection.execute(table.delete())
    world.organization(5)
    for event in events:
        event(world)
        if later_after_each:
            world.later()
    world.later()
    linked = links(world)
    assert (world.later(), world.relink(), links(world)) == (0, 0, linked)
    return linked


def links(world: World) -> tuple[object, ...]:
    numbers = dict(world.sql.rows("SELECT id, message_id FROM archive"))
    return tuple(
        {(numbers[each[0]], *each[1:]) for each in found}
        for found in (world.contacts(), world.organizations(), world.opportunities())
    )


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # milliseconds each, on two databases
@given(people, messages, st.randoms(use_true_random=False), st.booleans())
def test_the_order_does_not_matter(
    store: Store,
    sql: Sql,
    people: list[Callable[..., Event]],
    messages: list[Callable[..., Event]],
    chance: Random,
    later_after_each: bool,
) -> None:
    events: list[Event] = [company]
    events += [make(number) for number, make in enumerate(people, start=1)]
    events += [make(number) for number, make in enumerate(messages, start=1)]
    shuffled = list(events)
    chance.shuffle(shuffled)
    expected = outcome(World(store, sql), events, later_after_each=False)
    assert outcome(World(store, sql), shuffled, later_after_each) == expected
