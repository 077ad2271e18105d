"""What holds runs and was done by no person is noted when it begins and when it ends, and nothing in between."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from schema.keys import key
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from sender.graph.api.classify import Answer
from sender.queue.audit_stream import AuditEntry, AuditStream
from sender.queue.limit_queue import LimitQueue
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Limits
from tests.integration.queue.answers import ACCEPTED, BAD, THROTTLED, TOKEN_DEAD, Answering, used
from tests.integration.queue.jobs import enqueue, open_queue, run_of
from tests.integration.queue.test_full_redis import full

APP_THROTTLED = Answer(error_class=ErrorClass.RATE_LIMIT_APP, http_status=400, code=4)
HOUR_US = 3_600_000_000


async def noted(redis: Redis) -> list[AuditEntry]:
    return await AuditStream(redis, by_person=False).oldest()


async def told(redis: Redis) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.what, entry.target) for entry in await noted(redis)]


async def open_for_a_probe(redis: Redis) -> None:
    await aio(redis.hset, key("page:1"), "retry_at_ms", 0)
    await wake(redis)


async def wake(redis: Redis) -> None:
    """Let the page be served at once, whatever its limit says, and nobody who is tried again."""
    await aio(redis.delete, key("waiting"), key("delayed"))
    await aio(redis.zadd, key("ready"), {"1/text": 0})
    await aio(redis.hdel, key("page:1"), "clock:text")


async def sending(redis: Redis, runs: RunQueue, count: int = 100, **limits: int) -> Answering:
    await enqueue(runs, run_of("r"), count)
    return Answering(await open_queue(redis, Limits(**{"text": 50, "media": 10, "app": 0} | limits)))


async def test_a_breaker_is_noted_as_it_opens_and_as_it_closes_and_no_probe_between(
    redis: Redis, runs: RunQueue
) -> None:
    sender = await sending(redis, runs)
    await sender.send(TOKEN_DEAD)
    for answer in (TOKEN_DEAD, TOKEN_DEAD, ACCEPTED):
        await open_for_a_probe(redis)
        await sender.send(answer)
    opened, closed = await noted(redis)
    assert (opened.who, opened.what, opened.target) == ("rule dead-token", "page breaker open", "1")
    assert (opened.detail, closed.detail) == ("code 190/460", "one message got through")
    assert (closed.what, closed.target, closed.at >= opened.at) == ("page breaker close", "1", True)
    assert (closed.who[:5], opened.stream_id[0]) == ("rule ", "h")


async def test_a_page_without_a_usable_token_is_noted_too(redis: Redis, runs: RunQueue) -> None:
    await sending(redis, runs)
    for _ in range(2):
        await PageQueue(redis).unusable("1", "it has no token", 1000, 1000, 0)
    assert await told(redis) == [("rule page-unusable", "page breaker open", "1")]


async def test_a_pause_of_everything_is_noted_once_however_often_its_probe_fails(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs)
    await sender.send(APP_THROTTLED)
    for answer in (APP_THROTTLED, ACCEPTED):
        await aio(redis.hset, key("app"), "paused_until_ms", 0)
        await aio(redis.hdel, key("app"), "clock", "slowed")
        await wake(redis)
        await sender.send(answer)
    begun, ended = [one for one in await noted(redis) if "throttle" not in one.what]
    assert (begun.what, begun.target, ended.what, ended.target) == (
        *("pause --all", "all pages"),
        *("resume --all", "all pages"),
    )
    assert begun.who == ended.who
    assert begun.who.startswith("rule app-")


async def test_a_throttle_is_noted_with_its_first_cut_and_at_the_moment_of_its_end(
    redis: Redis, runs: RunQueue
) -> None:
    sender = await sending(redis, runs)
    for _ in range(2):  # two waves, one throttle
        await sender.answer(await sender.claim(5), used(), used(), THROTTLED)
        await wake(redis)
    assert [one.what for one in await noted(redis)] == ["page throttle"]
    (begun,) = await noted(redis)
    assert begun.detail.startswith("to ")
    assert begun.detail.endswith("/s: code 613")
    await ago(redis, 10 * 60_000_000)
    await sender.claim(1)
    _, ended = await noted(redis)
    assert (ended.who, ended.what) == ("rule throttled-pace", "page unthrottle")
    assert 8 * 60 < (begun.at - ended.at).total_seconds() < 10 * 60  # whole long before anybody claimed again
    assert not {"pace", "slowed", "pace_rule"} & set(await page(redis))


async def ago(redis: Redis, us: int) -> None:
    """Let the page's last cut be so long past."""
    for name in ("cut_us", "hold_until_us"):
        await aio(redis.hincrby, key("page:1"), name, -us)


async def page(redis: Redis) -> dict[str, bytes]:
    found: Any = await aio(redis.hgetall, key("page:1"))
    return {name.decode(): value for name, value in found.items()}


async def test_the_end_of_a_throttle_is_noted_beside_a_limit_that_a_person_has_set(
    redis: Redis, runs: RunQueue
) -> None:
    sender = await sending(redis, runs)
    await sender.answer(await sender.claim(5), used(), used(), THROTTLED)
    await LimitQueue(redis).set_limit("1", 40, None, who="ana")
    await ago(redis, HOUR_US)
    await wake(redis)
    for _ in range(2):
        await sender.claim(1)
    assert [one.what for one in await noted(redis)] == ["page throttle", "page unthrottle"]
    assert (await page(redis))["set_limit"] == b"40"


async def test_a_ceiling_is_a_throttle(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs)
    for _ in range(2):
        await sender.answer(await sender.claim(1), used(page=90))
        await wake(redis)
    (begun,) = await noted(redis)
    assert (begun.what, begun.detail) == ("page throttle", "to 0.5 of its limit")


async def test_a_brake_is_noted_with_its_reason(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs, text=1000)
    await sender.answer(await sender.claim(20), BAD)
    (braked,) = await noted(redis)
    assert (braked.what, braked.target) == ("run brake", "r")
    assert braked.detail.endswith(": empty message")


async def test_what_the_source_does_to_a_run_is_noted_once(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 3)
    for _ in range(2):
        await runs.hold("r", "source")
    for _ in range(2):
        await runs.let_go("r", "source")
    await runs.set_windows("r", {"": [(1, 2)]}, hours="09:00-21:00\0Asia/Tokyo", until_ms=5)
    await runs.set_windows("r", {"": [(1, 3)]}, hours="09:00-21:00\0Asia/Tokyo", until_ms=6)
    await runs.set_windows("r", {})
    for _ in range(2):
        await runs.cancel("r")
    assert [(one.who, one.what, one.detail) for one in await noted(redis)] == [
        ("source", "run pause", ""),
        ("source", "run resume", ""),
        ("source", "run hours", "09:00-21:00 in Asia/Tokyo"),
        ("source", "run hours", ""),
        ("source", "run cancel", "3 left"),
    ]
    assert await AuditStream(redis).waiting() == 0


async def test_it_is_noted_when_no_sender_is_left_and_when_one_is_back(redis: Redis) -> None:
    first, second = await open_queue(redis), await open_queue(redis)
    await first.close()
    assert await noted(redis) == []
    for _ in range(2):
        await second.close()
    await open_queue(redis)
    assert await told(redis) == [("senders", "senders gone", "all pages"), ("senders", "senders back", "all pages")]


async def test_senders_that_died_are_gone_from_the_end_of_their_last_lease(redis: Redis) -> None:
    dead = await open_queue(redis)
    zscore: Any = redis.zscore
    score: Any = await aio(zscore, key("sessions"), dead.session)
    lease_us = score - HOUR_US
    await aio(redis.zadd, key("sessions"), {dead.session: lease_us})
    for _ in range(2):
        await open_queue(redis)
    gone, back = await noted(redis)
    assert (gone.what, back.what) == ("senders gone", "senders back")
    assert abs(gone.at.timestamp() - lease_us / 1e6) < 0.01
    assert back.at.timestamp() > lease_us / 1e6 + 3000


async def test_what_flaps_is_noted_twenty_times_an_hour_with_its_ends(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs)
    for _ in range(25):
        await open_for_a_probe(redis)
        await sender.send(TOKEN_DEAD)
        await open_for_a_probe(redis)
        await sender.send(ACCEPTED)
    found = await noted(redis)
    assert [one.what for one in found] == ["page breaker open", "page breaker close"] * 20
    assert "not noted" in found[38].detail
    await aio(redis.hset, key("page:1"), "noted_hour", 1)  # the next hour
    await sender.send(TOKEN_DEAD)
    assert len(await noted(redis)) == 41


async def test_a_flood_stays_within_its_bound_and_displaces_no_act(redis: Redis) -> None:
    await AuditStream(redis).note("ana", "run pause", "r", "")
    async with redis.pipeline(transaction=False) as pipe:
        for number in range(25_000):
            pipe.xadd(key("happenings"), {"who": "rule x", "what": "page breaker open", "target": f"page {number}"})
        await aio(pipe.execute)
    await PageQueue(redis).unusable("1", "it has no token", 1000, 1000, 0)
    assert 20_000 <= await AuditStream(redis, by_person=False).waiting() <= 20_200
    assert await AuditStream(redis).waiting() == 1


async def test_rules_act_and_are_noted_in_a_full_redis(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs)
    group = await sender.claim(1)
    async with full(redis):
        await sender.answer(group, TOKEN_DEAD)
        await runs.hold("r", "source")
    assert [one.what for one in await noted(redis)] == ["page breaker open", "run pause"]


async def test_messages_that_go_their_way_note_nothing(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs, text=1000)
    await sender.answer(await sender.claim(50), ACCEPTED)
    assert not await aio(redis.exists, key("happenings"))
    assert not {"noted", "noted_hour"} & set(await page(redis))
