"""Pages in trouble: their breakers, and pauses by hand."""

from __future__ import annotations

import pytest
import trio
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Settlement
from tests.integration.queue.jobs import enqueue, open_queue, run_of


async def test_a_breaker_opens_at_the_threshold_probes_once_and_closes(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    assert await PageQueue(redis).trouble("1", "failure", 60_000, "190", 2, 0) == ("closed", False)
    assert await PageQueue(redis).trouble("1", "failure", 60_000, "190", 2, 0) == ("open", True)
    assert (await queue.claim("a", 5)).groups == []
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await queue.claim("b", 5)).groups
    assert len(probe.records) == 1
    assert (await queue.claim("c", 5)).groups == []
    assert await PageQueue(redis).troubled() == {"1"}
    assert await PageQueue(redis).works(["1"]) == ["1"]
    assert len((await queue.claim("d", 5)).groups[0].records) == 5


async def test_an_answer_to_what_left_before_does_not_close_an_open_breaker(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert len((await queue.claim("a", 1)).groups) == 1  # on its way when somebody opens the breaker
    assert await pages.open_breaker("1")
    assert await PageQueue(redis).works(["1"]) == []
    assert (await queue.claim("b", 5)).groups == []
    assert await PageQueue(redis).troubled() == {"1"}
    assert await pages.close_breaker("1")
    assert len((await queue.claim("c", 5)).groups) == 1


async def test_a_later_failure_does_not_shorten_how_long_a_breaker_stays_open(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    assert await PageQueue(redis).trouble("1", "open", 60_000, "policy_page", 5, 0) == ("open", True)
    assert await PageQueue(redis).trouble("1", "open", 1, "auth_page", 5, 0) == ("open", False)
    await trio.sleep(0.01)
    assert (await queue.claim("a", 5)).groups == []


@pytest.mark.parametrize("outcome", ["suppressed", "failed", ""])
async def test_a_probe_that_asked_nothing_is_followed_by_the_next(redis: Redis, runs: RunQueue, outcome: str) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    await PageQueue(redis).trouble("1", "open", 60_000, "190", 1, 0)
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await queue.claim("a", 5)).groups
    job, event, record = probe.records[0][:16], b"{}" if outcome else b"", b"" if outcome else probe.records[0]
    await queue.settle(1, [Settlement(job, "r", "1", outcome, event, record)])
    (further,) = (await queue.claim("b", 5)).groups
    assert len(further.records) == 1
    assert (await queue.claim("c", 5)).groups == []
    await queue.mark([(further.records[0][:16], 1)])
    await queue.settle(2, [Settlement(further.records[0][:16], "r", "1", "unknown", b"{}")])
    assert (await queue.claim("d", 5)).groups == []


@pytest.mark.parametrize("way", ["disowned", "taken over"])
async def test_a_probe_whose_claim_nobody_heard_of_is_followed_by_the_next(
    redis: Redis, runs: RunQueue, way: str
) -> None:
    await enqueue(runs, run_of("r"), 10)
    deaf, other = await open_queue(redis, lease_ms=1), await open_queue(redis)
    await PageQueue(redis).trouble("1", "open", 60_000, "190", 1, 0)
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await deaf.claim("a", 5)).groups
    assert (await other.claim("b", 5)).groups == []
    if way == "disowned":
        await deaf.disown([probe.records[0][:16]])
    else:
        await aio(redis.hset, key("app"), "no_takeover_until_us", 0)
        assert await other.take_over() == (deaf.session, [])
    (further,) = (await other.claim("c", 5)).groups
    assert further.records == probe.records


async def test_a_probe_that_came_back_after_its_mark_is_followed_by_the_next(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    await PageQueue(redis).trouble("1", "open", 60_000, "190", 1, 0)
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    (probe,) = (await queue.claim("a", 5)).groups
    job = probe.records[0][:16]
    assert await queue.mark([(job, 1)]) != [None]
    await queue.settle(1, [Settlement(job, "r", "1", "", record=probe.records[0])])  # its connection had been closed
    assert len((await queue.claim("b", 5)).groups) == 1


async def test_a_token_changed_while_the_former_ones_probe_is_out_is_tried_at_once(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    await PageQueue(redis).trouble("1", "open", 60_000, "190", 1, 0)
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:dead too"))
    (probe,) = (await queue.claim("a", 5)).groups
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token="sealed:good"))
    assert await PageQueue(redis).trouble("1", "open", 60_000, "190", 1, probe.token_version) == ("half_open", False)
    (further,) = (await queue.claim("b", 5)).groups
    assert (len(further.records), further.token_version) == (1, 2)


async def test_a_failed_probe_is_followed_by_the_next_when_its_breaker_says_so(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    await PageQueue(redis).trouble("1", "open", 1, "190", 1, 0)
    await trio.sleep(0.01)
    assert len((await queue.claim("a", 5)).groups) == 1
    assert await PageQueue(redis).trouble("1", "open", 1, "190", 1, 0) == ("open", True)
    await trio.sleep(0.01)
    assert len((await queue.claim("b", 5)).groups) == 1


async def test_a_pause_by_hand_keeps_its_reason(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    pages = PageQueue(redis)
    assert await pages.pause("1")
    await pages.trouble("1", "pause", 60_000, "code 613", 5, 0)
    assert [(page.page_id, page.pause_reason) for page in await pages.list()] == [("1", "by hand")]


async def test_a_page_is_paused_and_resumed_by_hand(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert not await pages.pause("no such page")
    assert await pages.pause("1")
    assert (await queue.claim("a", 5)).groups == []
    assert await pages.resume("1")
    assert len((await queue.claim("b", 5)).groups) == 1
