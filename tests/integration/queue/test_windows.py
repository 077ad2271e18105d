"""The hours of a run in the queue: put beside each other, replaced together, removed, and looked at anew."""

from __future__ import annotations

from typing import Any

from msgspec import msgpack
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from tests.integration.queue.jobs import FAR_MS, enqueue, final, open_queue, run_of

NOON = (1_000, 2_000), (3_000, 4_000)


async def windows(redis: Redis) -> dict[str, list[int]] | None:
    packed: Any = await aio(redis.hget, key("run:r"), "windows")
    return None if packed is None else msgpack.decode(packed, type=dict[str, list[int]])


async def fields(redis: Redis) -> set[str]:
    found: Any = await aio(redis.hkeys, key("run:r"))
    return {name.decode() for name in found}


async def test_zones_are_put_beside_those_that_are_there(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    assert await runs.set_windows("r", {"": NOON}) == set()
    assert await runs.set_windows("r", {"Asia/Tokyo": [], "Europe/Berlin": NOON[:1]}) == set()
    assert await windows(redis) == {"": [1_000, 2_000, 3_000, 4_000], "Asia/Tokyo": [], "Europe/Berlin": [1_000, 2_000]}


async def test_hours_made_of_something_else_replace_those_of_all_zones_or_none(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    assert await runs.set_windows("r", {"Asia/Tokyo": NOON}, hours="a", until_ms=5_000) == {""}
    assert await windows(redis) is None
    assert await runs.set_windows("r", {"": NOON, "Asia/Tokyo": NOON}, hours="a", until_ms=5_000) == set()
    assert await runs.set_windows("r", {"": []}, hours="b", until_ms=5_000) == {"Asia/Tokyo"}
    assert await runs.set_windows("r", {"Europe/Berlin": []}, hours="b") == {"", "Asia/Tokyo"}
    assert set((await windows(redis)) or ()) == {"", "Asia/Tokyo"}
    assert await runs.set_windows("r", {"": [], "Asia/Tokyo": []}, hours="b", until_ms=6_000) == set()
    assert await windows(redis) == {"": [], "Asia/Tokyo": []}
    run = (await runs.glance(["r"]))["r"]
    assert (run.hours, run.hours_until_ms) == ("b", 6_000)


async def test_renewal_has_to_bring_all_zones_and_another_zone_changes_no_end(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    await runs.set_windows("r", {"": NOON}, hours="a", until_ms=5_000)
    assert await runs.set_windows("r", {"Asia/Tokyo": NOON}, hours="a") == set()
    assert await runs.set_windows("r", {"": NOON}, hours="a", until_ms=9_000) == {"Asia/Tokyo"}
    assert (await runs.glance(["r"]))["r"].hours_until_ms == 5_000


async def test_no_windows_at_all_remove_them(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    before = await fields(redis)
    await runs.set_windows("r", {"": NOON}, hours="a", until_ms=5_000)
    assert await runs.set_windows("r", {}) == set()
    assert await fields(redis) - {"noted", "noted_hour"} == before
    assert (await runs.glance(["r"]))["r"].hours == ""


async def test_claim_is_made_to_look_at_all_zones_anew(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    for field in ("closes:", "closes:Asia/Tokyo"):
        await aio(redis.hset, key("run:r"), field, "0")
    await aio(redis.sadd, key("zones:r"), "Asia/Tokyo")
    await aio(redis.zadd, key("parked"), {"r": FAR_MS, "other": FAR_MS})
    await runs.set_windows("r", {"": [(0, FAR_MS)]})
    assert not {field for field in await fields(redis) if field.startswith("closes:")}
    assert await aio(redis.zrange, key("parked"), 0, -1) == [b"other"]


async def test_run_that_is_unknown_or_has_ended_gets_no_hours(redis: Redis, runs: RunQueue) -> None:
    assert await runs.set_windows("r", {"": NOON}, hours="a", until_ms=5_000) == set()
    assert await aio(redis.exists, key("run:r")) == 0
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    await queue.settle(1, [final(group, r) for r in group.records])
    assert await runs.set_windows("r", {"": NOON}, hours="a", until_ms=5_000) == set()
    assert await windows(redis) is None


async def test_older_senders_are_seen_while_they_live(redis: Redis, runs: RunQueue) -> None:
    seen = [await runs.older_senders()]
    await aio(redis.hset, key("app"), "older_senders", "1")
    seen.append(await runs.older_senders())
    await aio(redis.hdel, key("app"), "older_senders")
    assert [*seen, await runs.older_senders()] == [False, True, False]
