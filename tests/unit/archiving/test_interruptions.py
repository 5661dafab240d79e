from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.archiving.interruptions import LEFT_ASIDE_IN_A_ROW, LOSSES_TO_BLAME, Interruptions

UIDS = list(range(1, 11))


class Server:
    """Loses the connection over some messages; stands for all that a mailbox is asked for in an attempt."""

    def __init__(self, is_hopeless: Callable[[int], bool]) -> None:
        self.is_hopeless = is_hopeless
        self.handed_out: list[int] = []

    def attempt(self, interruptions: Interruptions, uids: list[int]) -> tuple[list[int], bool]:
        """What is left to be done, and whether the connection has held."""
        interruptions.connected()
        left = list(uids)
        for some in interruptions.in_order(uids):
            together = [uid for uid in some if uid not in interruptions.suspects]
            alone = [[uid] for uid in some if uid in interruptions.suspects]
            for asked in [*alone, *filter(None, [together])]:
                if len(asked) == 1 and interruptions.is_to_blame(asked[0]):
                    interruptions.leave_aside(asked[0])
                elif any(map(self.is_hopeless, asked)):
                    interruptions.lost_over(asked)
                    return left, False
                else:
                    interruptions.fetched(asked)
                    self.handed_out += asked
                left = [uid for uid in left if uid not in asked]
        return left, True


def work(server: Server, attempts: int) -> list[int]:
    """What is left after so many attempts."""
    interruptions, left = Interruptions(1), UIDS
    for _ in range(attempts):
        left, held = server.attempt(interruptions, left)
        if held:
            break
    return left


@given(hopeless=st.sets(st.sampled_from(UIDS), max_size=LEFT_ASIDE_IN_A_ROW))
def test_hopeless_messages_keep_no_other_from_its_turn(hopeless: set[int]) -> None:
    server = Server(hopeless.__contains__)
    assert work(server, attempts=50) == []
    assert set(server.handed_out) == set(UIDS) - hopeless
    assert len(server.handed_out) == len(set(server.handed_out))


@given(hopeless=st.sets(st.sampled_from(UIDS), min_size=LEFT_ASIDE_IN_A_ROW + 1))
def test_however_many_are_hopeless_the_others_come_through(hopeless: set[int]) -> None:
    server = Server(hopeless.__contains__)
    work(server, attempts=200)
    assert set(server.handed_out) == set(UIDS) - hopeless


def test_a_server_that_hands_out_nothing_is_to_blame_itself() -> None:
    assert len(work(Server(lambda _: True), attempts=200)) == len(UIDS) - LEFT_ASIDE_IN_A_ROW


def test_a_message_among_others_is_not_to_blame() -> None:
    interruptions = Interruptions(1)
    for _ in range(2 * LOSSES_TO_BLAME):
        interruptions.connected()
        interruptions.lost_over([1, 2, 3])
    assert interruptions.suspects == {1, 2, 3}
    assert not any(map(interruptions.is_to_blame, UIDS))


def test_a_message_is_to_blame_for_the_first_that_a_connection_is_asked_for_alone() -> None:
    interruptions = Interruptions(1)
    for _ in range(LOSSES_TO_BLAME):
        interruptions.connected()
        interruptions.fetched([2])
        interruptions.lost_over([1])
    assert not interruptions.is_to_blame(1), "the connection may have been at its end"
    for _ in range(LOSSES_TO_BLAME):
        assert not interruptions.is_to_blame(1)
        interruptions.connected()
        interruptions.lost_over([1])
    assert interruptions.is_to_blame(1)


def test_the_message_that_the_connection_was_lost_over_last_comes_first() -> None:
    interruptions = Interruptions(1)
    interruptions.lost_over([1, 2, 3])
    assert list(interruptions.in_order([1, 2, 3])) == [[1, 2, 3]]
    interruptions.lost_over([2])
    assert list(interruptions.in_order([1, 2, 3])) == [[2], [1, 3]]


def test_a_large_message_that_gets_on_is_never_to_blame() -> None:
    interruptions = Interruptions(1)
    for _ in range(2 * LOSSES_TO_BLAME):
        interruptions.connected()
        with interruptions.download(1).writing() as file:
            file.write(b"a piece")
        assert interruptions.lost_over([1])
        assert not interruptions.is_to_blame(1)
    for _ in range(LOSSES_TO_BLAME):
        interruptions.connected()
        assert not interruptions.lost_over([1])
    assert interruptions.is_to_blame(1)


def test_what_is_there_of_a_message_is_kept_until_it_is_whole() -> None:
    interruptions = Interruptions(1)
    with interruptions.download(1).writing() as file:
        file.write(b"a piece")
    interruptions.lost_over([1])
    interruptions.connected()
    assert len(interruptions.download(1)) == 7
    interruptions.fetched([1])
    assert len(interruptions.download(1)) == 0
