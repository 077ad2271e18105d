"""The hours that a run processor has written, as a claim obeys them: with nobody there who looks at a clock for it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from schema.job import decode_record
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.session_queue import SessionQueue
from tests.integration.queue.jobs import open_queue
from tests.integration.runs.world import World

TOKYO = timedelta(hours=9)
CLAIMS = count()


@pytest.fixture
async def sender(world: World) -> AsyncIterator[SessionQueue]:
    world.now_ms = time.time_ns() // 1_000_000
    for psid in "123":  # who have just written, so that they may be sent to
        world.sql("INSERT INTO subscribers VALUES ('100', %s, NULL, now())", psid)
    client = open_redis(world.redis_url)
    yield await open_queue(client)
    await aio(client.aclose)


async def claimed(sender: SessionQueue) -> list[str]:
    groups = (await sender.claim(f"c{next(CLAIMS)}", 10)).groups
    return sorted(decode_record(record)[1].recipient_id for group in groups for record in group.records)


def around_now(ahead: timedelta) -> str:
    """Hours that are open now where clocks are so far ahead of UTC's."""
    there = datetime.now(UTC) + ahead
    return f"{there - timedelta(hours=2):%H}:00-{there + timedelta(hours=2):%H}:00"


async def test_closed_run_gives_nothing_until_its_hours_are_changed(world: World, sender: SessionQueue) -> None:
    run = world.run("1", "2")
    world.change(run, send_window=around_now(timedelta(hours=12)))
    await world.turn()
    assert (world.recipients(run), await claimed(sender)) == (["1", "2"], [])
    world.change(run, send_window=around_now(timedelta()))
    await world.turn()
    assert await claimed(sender) == ["1", "2"]


async def test_run_without_hours_any_more_is_open(world: World, sender: SessionQueue) -> None:
    run = world.run("1")
    world.change(run, send_window=around_now(timedelta(hours=12)))
    await world.turn()
    assert await claimed(sender) == []
    world.change(run, send_window=None)
    await world.turn()
    assert await claimed(sender) == ["1"]


async def test_those_with_a_time_zone_of_their_own_wait_for_their_own_hours(world: World, sender: SessionQueue) -> None:
    world.sql("UPDATE subscribers SET time_zone = 'Asia/Tokyo' WHERE psid = '2'")
    run = world.run("1", "2", "3")
    world.change(run, send_window=around_now(TOKYO))
    await world.turn()
    assert await claimed(sender) == ["2"]
    world.change(run, send_window=around_now(timedelta()))
    await world.turn()
    assert await claimed(sender) == ["1", "3"]


async def test_hours_that_cannot_be_read_any_more_close_the_run(world: World, sender: SessionQueue) -> None:
    run = world.run("1")
    world.change(run, send_window=around_now(timedelta(hours=12)))
    await world.turn()
    world.change(run, send_window="daytime")
    await world.turn()
    assert await claimed(sender) == []
    world.change(run, send_window=around_now(timedelta()))
    await world.turn()
    assert await claimed(sender) == ["1"]
