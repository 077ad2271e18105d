"""What many tasks ask for at once is one call."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from sender.queue.group_commit import GroupCommit


class Calls:
    """Doubles numbers; remembers when it was called, and with what."""

    def __init__(self) -> None:
        self.made: list[tuple[float, list[int]]] = []

    async def __call__(self, numbers: list[int]) -> list[int]:
        self.made.append((trio.current_time(), numbers))
        await trio.sleep(1)
        return [2 * n for n in numbers]


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def test_items_of_a_moment_travel_together_and_each_gets_its_answer(
    calls: Calls, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    group = GroupCommit(calls, pause_s=0.5, enough=10)
    await nursery.start(group.run)
    answers: dict[int, int] = {}

    async def ask(number: int) -> None:
        await trio.sleep(number / 10)
        answers[number] = await group.submit(number)

    async with trio.open_nursery() as asking:
        for number in (0, 1, 2, 7):
            asking.start_soon(ask, number)
    assert answers == {0: 0, 1: 2, 2: 4, 7: 14}
    assert [numbers for _, numbers in calls.made] == [[0, 1, 2], [7]]
    assert [at for at, _ in calls.made] == [0.5, 2.0]  # each after its pause, the second behind the first
    nursery.cancel_scope.cancel()


async def test_enough_items_do_not_wait(
    calls: Calls, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    group = GroupCommit(calls, pause_s=60.0, enough=2)
    await nursery.start(group.run)
    group.add(1)
    group.add(2)
    await group.flush()
    assert calls.made == [(0.0, [1, 2])]
    assert trio.current_time() == 1.0
    nursery.cancel_scope.cancel()
