"""A stop and its steps, and what it makes of a cancellation from outside."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from schema.runtime.stop import Stop


class Broken(Exception):
    """An error of a service."""


async def serve(stop: Stop, ended_at: list[float], *, last_words_s: float = 1.0) -> None:
    """Work until the stop cancels it, then do a last thing."""
    with trio.CancelScope() as work:
        await stop.enforce(work)
    await trio.sleep(last_words_s)
    ended_at.append(trio.current_time())


async def test_each_request_is_a_further_step(autojump_clock: MockClock) -> None:
    stop, steps = Stop(5.0), []
    for _ in range(5):
        steps.append((stop.requested.is_set(), stop.cut_short.is_set(), stop.given_up.is_set()))
        stop.request()
    assert steps == [
        (False, False, False),
        (True, False, False),
        (True, True, False),
        (True, True, True),
        (True, True, True),
    ]
    assert stop.ends_at == trio.current_time() + 5.0


@pytest.mark.parametrize("requests", [0, 1, 2])
async def test_what_is_cut_is_not_given_up(requests: int, autojump_clock: MockClock) -> None:
    stop = Stop(5.0)
    for _ in range(requests):
        stop.request()
    stop.cut()
    assert stop.cut_short.is_set()
    assert not stop.given_up.is_set()


async def test_who_is_cancelled_from_outside_ends_as_at_a_second_signal(autojump_clock: MockClock) -> None:
    stop, ended_at = Stop(50.0), list[float]()
    async with trio.open_nursery() as outside:
        outside.start_soon(stop.outlast, lambda: serve(stop, ended_at))
        await trio.sleep(3.0)
        outside.cancel_scope.cancel()
    assert ended_at == [trio.current_time()]
    assert stop.cut_short.is_set()
    assert not stop.given_up.is_set()


async def test_a_sibling_that_fails_is_a_stop_too_and_its_error_comes_out(autojump_clock: MockClock) -> None:
    stop, ended_at = Stop(50.0), list[float]()

    async def fail() -> None:
        await trio.sleep(2.0)
        raise Broken

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop.outlast, lambda: serve(stop, ended_at))
            nursery.start_soon(fail)

    with pytest.RaisesGroup(Broken, flatten_subgroups=True):
        await both()
    assert len(ended_at) == 1


async def test_who_ends_by_himself_requests_nothing(autojump_clock: MockClock) -> None:
    stop = Stop(5.0)
    await stop.outlast(trio.lowlevel.checkpoint)
    assert not stop.requested.is_set()


async def test_an_error_of_one_task_stops_the_others(autojump_clock: MockClock) -> None:
    stop = Stop(5.0)

    async def fail() -> None:
        raise Broken

    with pytest.raises(Broken):
        await stop.at_error(fail)
    assert stop.requested.is_set()


@pytest.mark.parametrize(
    ("takes_s", "given_up_after_s", "ended", "at_s"), [(1, None, True, 1), (9, None, False, 4), (9, 2, False, 2)]
)
async def test_a_last_thing_has_its_time_however_it_was_cancelled(
    takes_s: float, given_up_after_s: float | None, ended: bool, at_s: float, autojump_clock: MockClock
) -> None:
    stop, answers = Stop(50.0), list[bool]()

    async def last_thing() -> None:
        await trio.sleep(takes_s)

    async def give_up() -> None:
        if given_up_after_s is not None:
            with trio.CancelScope(shield=True):
                await trio.sleep(given_up_after_s)
            stop.give_up()

    began_at = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up)
        nursery.cancel_scope.cancel()
        answers.append(await stop.at_last(last_thing, began_at + 4))
        assert trio.current_time() == pytest.approx(began_at + at_s)
    assert answers == [ended]
