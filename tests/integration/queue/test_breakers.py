"""Breakers of pages: opened by answers, tried by one message, and by hand."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionQueue, Settlement
from tests.integration.queue.answers import (
    ACCEPTED,
    BLOCKED,
    COOLDOWN_MS,
    GONE,
    PAGE_LIMIT,
    TOKEN_DEAD,
    TOKEN_INVALID,
    Answering,
)
from tests.integration.queue.jobs import enqueue, open_queue, run_of


async def _page(redis: Redis) -> dict[str, str]:
    found: Any = await aio(redis.hgetall, key("page:1"))
    return {name.decode(): value.decode(errors="replace") for name, value in found.items()}


async def _cool_down(redis: Redis) -> None:
    await aio(redis.hset, key("page:1"), "retry_at_ms", 0)
    await aio(redis.zadd, key("waiting"), {"1/text": 0})


async def _new_token(redis: Redis, token: str = "sealed:new") -> None:
    await PageQueue(redis).set_page(PageFacts(page_id="1", sealed_token=token))


async def _open_breaker(redis: Redis, runs: RunQueue) -> tuple[SessionQueue, Answering]:
    """A page of ten people, whose breaker the first one's answer has opened."""
    await enqueue(runs, run_of("r"), 10)
    queue = await open_queue(redis)
    sender = Answering(queue)
    assert [one.what for one in await sender.send(TOKEN_DEAD)] == ["breaker"]
    return queue, sender


async def test_a_breaker_opens_at_the_threshold_probes_once_and_closes(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender = Answering(await open_queue(redis))
    assert await sender.send(TOKEN_INVALID) == []
    (opened,) = await sender.send(TOKEN_INVALID)
    assert (opened.what, opened.scope, opened.name, opened.reason) == ("breaker", "page", "1", "code 190")
    assert await sender.claim(5) == []
    await _new_token(redis)
    probe = await sender.claim(5)
    assert [len(group.records) for group in probe] == [1]
    assert await sender.claim(5) == []
    assert [one.what for one in await sender.answer(probe, ACCEPTED)] == ["breaker_closed"]
    assert len((await sender.claim(5))[0].records) == 5
    assert not {"breaker", "failures", "cooldowns", "answers"} & (await _page(redis)).keys()


async def test_a_dead_token_opens_at_once(redis: Redis, runs: RunQueue) -> None:
    await _open_breaker(redis, runs)


async def test_an_answer_that_two_rules_fit_opens_a_breaker_once(redis: Redis, runs: RunQueue) -> None:
    await _open_breaker(redis, runs)
    page = await _page(redis)
    assert int(page["retry_at_ms"]) - int(page["opened_at_ms"]) <= 1.1 * COOLDOWN_MS + 1
    assert (page["failures"], page["cooldowns"]) == ("1", "1")


async def test_failures_of_retried_jobs_do_not_count(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    sender = Answering(await open_queue(redis))
    for _ in range(4):
        assert await sender.send(TOKEN_INVALID) == []
        waiting: Any = await aio(redis.zrange, key("delayed"), 0, -1)
        await aio(redis.zadd, key("delayed"), dict.fromkeys(waiting, 0))


async def test_an_answer_that_only_a_working_page_gives_breaks_the_row(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender = Answering(await open_queue(redis))
    assert await sender.send(TOKEN_INVALID, GONE, TOKEN_INVALID) == []
    assert [one.what for one in await sender.send(TOKEN_INVALID)] == ["breaker"]


async def test_each_failed_probe_doubles_the_cool_down(redis: Redis, runs: RunQueue) -> None:
    _, sender = await _open_breaker(redis, runs)
    waits = [COOLDOWN_MS]
    for _ in range(8):
        await _cool_down(redis)
        (opened,) = await sender.send(TOKEN_DEAD)
        waits.append(opened.ms or 0)
    ideal = [min(COOLDOWN_MS * 2**n, 3_600_000) for n in range(9)]
    assert all(a <= b <= 1.1 * a for a, b in zip(ideal, waits, strict=True)), waits


async def test_a_later_failure_does_not_shorten_how_long_a_breaker_stays_open(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender = Answering(await open_queue(redis))
    groups = await sender.claim(2)
    assert [one.ms for one in await sender.answer(groups, BLOCKED, TOKEN_DEAD)] != []
    assert float((await _page(redis))["retry_at_ms"]) > float((await _page(redis))["opened_at_ms"]) + 6 * 3_600_000 - 1


async def test_an_answer_to_what_left_before_does_not_close_an_open_breaker(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender, pages = Answering(await open_queue(redis)), PageQueue(redis)
    under_way = await sender.claim(1)
    assert await pages.open_breaker("1", "ana")
    assert await sender.answer(under_way, ACCEPTED) == []
    assert await sender.claim(5) == []
    assert await pages.close_breaker("1", "ana")
    assert len(await sender.claim(5)) == 1


@pytest.mark.parametrize("outcome", ["suppressed", "failed", ""])
async def test_a_probe_that_asked_nothing_is_followed_by_the_next(redis: Redis, runs: RunQueue, outcome: str) -> None:
    queue, _ = await _open_breaker(redis, runs)
    await _new_token(redis)
    (probe,) = (await queue.claim("a", 5)).groups
    job, event, record = probe.records[0][:16], b"{}" if outcome else b"", b"" if outcome else probe.records[0]
    await queue.settle(11, [Settlement(job, "r", "1", outcome, event, record)])
    (further,) = (await queue.claim("b", 5)).groups
    assert len(further.records) == 1
    assert (await queue.claim("c", 5)).groups == []
    await queue.mark([(further.records[0][:16], 1)])
    await queue.settle(12, [Settlement(further.records[0][:16], "r", "1", "unknown", b"{}")])
    assert (await queue.claim("d", 5)).groups == []


@pytest.mark.parametrize("way", ["disowned", "taken over"])
async def test_a_probe_whose_claim_nobody_heard_of_is_followed_by_the_next(
    redis: Redis, runs: RunQueue, way: str
) -> None:
    other, _ = await _open_breaker(redis, runs)
    deaf = await open_queue(redis, lease_ms=1)
    await other.renew(0)
    await _new_token(redis)
    (probe,) = (await deaf.claim("a", 5)).groups
    assert (await other.claim("b", 5)).groups == []
    if way == "disowned":
        await deaf.disown([probe.records[0][:16]])
    else:
        assert await other.take_over() == (deaf.session, [])
    (further,) = (await other.claim("c", 5)).groups
    assert further.records == probe.records


async def test_a_probe_that_came_back_after_its_mark_is_followed_by_the_next(redis: Redis, runs: RunQueue) -> None:
    queue, _ = await _open_breaker(redis, runs)
    await _new_token(redis)
    (probe,) = (await queue.claim("a", 5)).groups
    job = probe.records[0][:16]
    assert await queue.mark([(job, 1)]) != [None]
    await queue.settle(11, [Settlement(job, "r", "1", "", record=probe.records[0])])  # its connection had been closed
    assert len((await queue.claim("b", 5)).groups) == 1


async def test_a_token_changed_while_the_former_ones_probe_is_out_is_tried_at_once(
    redis: Redis, runs: RunQueue
) -> None:
    _, sender = await _open_breaker(redis, runs)
    await _new_token(redis, "sealed:dead too")
    probe = await sender.claim(5)
    await _new_token(redis, "sealed:good")
    assert await sender.answer(probe, TOKEN_DEAD) == []
    (further,) = await sender.claim(5)
    assert (len(further.records), further.token_version) == (1, 2)


async def test_a_token_lifts_no_breaker_that_a_person_has_opened(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender, pages = Answering(await open_queue(redis)), PageQueue(redis)
    assert await pages.open_breaker("1", "ana")
    await _new_token(redis)
    assert await sender.claim(5) == []


async def test_a_breaker_closed_by_hand_leaves_a_pauses_probe_to_its_answer(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    sender, pages = Answering(await open_queue(redis)), PageQueue(redis)
    assert [one.what for one in await sender.send(PAGE_LIMIT)] == ["pace", "pause"]
    assert await pages.open_breaker("1", "ana")
    assert await pages.close_breaker("1", "ana")
    await aio(redis.hset, key("page:1"), "paused_until_ms", 0)
    await aio(redis.zadd, key("waiting"), {"1/text": 0})
    probe = await sender.claim(5)
    assert [len(group.records) for group in probe] == [1]
    assert [one.what for one in await sender.answer(probe, ACCEPTED)] == ["resumed"]
    assert len((await sender.claim(5))[0].records) == 5


async def test_a_page_that_cannot_be_used_is_not_away_longer_for_each_sender_that_says_so(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 10)
    pages = PageQueue(redis)
    assert await pages.unusable("1", "no token", 60_000, 3_600_000, 0)
    before = (await _page(redis))["retry_at_ms"]
    for _ in range(5):  # repeats, too, whose first answer was lost
        assert not await pages.unusable("1", "no token", 60_000, 3_600_000, 0)
    assert int((await _page(redis))["retry_at_ms"]) <= int(before) + 60_000


async def test_a_page_that_cannot_be_used_is_tried_again_when_its_breaker_says_so(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert await pages.unusable("1", "no token", 1, 1, 0)
    await trio.sleep(0.01)
    assert len((await queue.claim("a", 5)).groups) == 1
    assert await pages.unusable("1", "no token", 60_000, 60_000, 0)
    assert not await pages.unusable("1", "no token", 60_000, 60_000, 0)
    assert (await queue.claim("b", 5)).groups == []


async def test_a_pause_by_hand_keeps_its_reason(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 50)
    sender, pages = Answering(await open_queue(redis)), PageQueue(redis)
    groups = await sender.claim(20)
    assert await pages.pause("1", "ana")
    await sender.answer(groups, *[TOKEN_INVALID] * 20)
    assert [(page.page_id, page.pause_reason) for page in await pages.list()] == [("1", "by hand")]


async def test_a_page_is_paused_and_resumed_by_hand(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    assert not await pages.pause("no such page", "ana")
    assert await pages.pause("1", "ana")
    assert (await queue.claim("a", 5)).groups == []
    assert await pages.resume("1", "ana")
    assert len((await queue.claim("b", 5)).groups) == 1
