"""Repeating work: intervals, pacing while a part is away, one log line per trouble. Virtual time: no sockets here."""

from __future__ import annotations

import trio
from redis.exceptions import ConnectionError as RedisAway
from structlog.testing import capture_logs
from trio.testing import MockClock

from schema.runtime.outage import Outage
from schema.runtime.stop import Stop
from sender.runs.databases.errors import DatabaseAway, QueryRefused
from sender.runs.poll_loop import repeat


class Turns:
    """Work that ends as the list says, and asks for the stop at its end."""

    def __init__(self, stop: Stop, *endings: Exception | None) -> None:
        self._stop = stop
        self._endings = list(endings)
        self.times: list[float] = []
        self.next_turns: list[float] = []

    async def __call__(self, next_turn: float) -> None:
        self.times.append(trio.current_time())
        self.next_turns.append(next_turn)
        ending = self._endings.pop(0)
        if not self._endings:
            self._stop.request()
        await trio.lowlevel.checkpoint()
        if ending is not None:
            raise ending


async def run(*endings: Exception | None) -> Turns:
    stop = Stop(drain_s=1)
    turns = Turns(stop, *endings)
    await repeat(turns, interval_s=10, stop=stop, redis_outage=Outage("redis", first_s=0.5, longest_s=2))
    return turns


async def test_work_is_repeated_at_the_interval_and_told_its_next_turn(autojump_clock: MockClock) -> None:
    turns = await run(None, None, None)
    assert turns.times == [0, 10, 20]
    assert turns.next_turns == [10, 20, 30]


async def test_stop_ends_the_waiting(autojump_clock: MockClock) -> None:
    await run(None)
    assert trio.current_time() == 0


async def test_database_that_is_away_is_tried_again_when_its_outage_says(autojump_clock: MockClock) -> None:
    away = [DatabaseAway("log database", wait_s, "closed") for wait_s in (1.5, 3)]
    assert (await run(*away, None)).times == [0, 1.5, 4.5]


async def test_redis_outage_is_paced_and_logged_once(autojump_clock: MockClock) -> None:
    with capture_logs() as logs:
        turns = await run(RedisAway("gone"), RedisAway("gone"), RedisAway("gone"), None)
    assert [line["event"] for line in logs] == ["part_unreachable", "part_back"]
    assert turns.times == sorted(set(turns.times))
    assert turns.times[-1] <= 0.5 + 1 + 2


async def test_refused_query_is_logged_once_until_it_changes(autojump_clock: MockClock) -> None:
    first, second = QueryRefused("source database", "lacks tag"), QueryRefused("source database", "lacks status")
    with capture_logs() as logs:
        turns = await run(first, first, second, None, second, None)
    assert [line["reason"] for line in logs] == ["lacks tag", "lacks status", "lacks status"]
    assert turns.times == [0, 10, 20, 30, 40, 50]
