"""Why a page is as fast as it is, and what people change of it, on the queue as rules have left it."""

from __future__ import annotations

from typing import Any

import trio
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.audit_stream import AuditStream
from sender.queue.limit_queue import Defaults, Explained, LimitQueue
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import Limits
from tests.integration.queue.answers import THROTTLED, Answering, used
from tests.integration.queue.jobs import clock_of, enqueue, open_queue, run_of, set_clock

DEFAULTS = Defaults(text=50, media=10, app=0)


async def explain(redis: Redis) -> Explained:
    return await LimitQueue(redis).explain(["1"], DEFAULTS)


async def page(redis: Redis) -> dict[str, str]:
    return (await explain(redis)).pages["1"]


async def sending(redis: Redis, runs: RunQueue) -> Answering:
    """A page at the default limits, with a hundred people waiting."""
    await enqueue(runs, run_of("r"), 100)
    return Answering(await open_queue(redis, Limits(text=50, media=10, app=0)))


async def throttle(sender: Answering) -> None:
    """Send five messages, of which the last three are throttled: a rule slows the page down."""
    happened = await sender.answer(await sender.claim(5), used(), used(), THROTTLED)
    assert [(one.what, one.rule) for one in happened] == [("pace", "throttled-pace")]


async def test_an_untouched_page_has_its_default_limits(redis: Redis, runs: RunQueue) -> None:
    await sending(redis, runs)
    told = await page(redis)
    assert (told["text_limit"], told["text_now"], told["media_now"], told["text_runs"]) == ("50", "50", "10", "1")
    assert float(told["text_rate"]) == 0


async def test_pages_that_never_had_a_run_are_missing(redis: Redis) -> None:
    found = await LimitQueue(redis).explain(["9"], DEFAULTS)
    assert (found.pages, found.app["now"]) == ({}, "")


async def test_the_sources_limit_is_told(redis: Redis, runs: RunQueue) -> None:
    await sending(redis, runs)
    await PageQueue(redis).set_page(PageFacts(page_id="1", limit_text=30))
    assert (await page(redis))["text_limit"] == "30"


async def test_what_is_told_is_what_the_claim_goes_by(redis: Redis, runs: RunQueue) -> None:
    sender = await sending(redis, runs)
    await throttle(sender)
    told = await page(redis)
    assert told["pace_rule"] == "throttled-pace"
    assert 0 < float(told["text_now"]) < 50
    assert float(told["text_rate"]) > 0
    assert int(told["full_us"]) > (await explain(redis)).now_us
    clock = await clock_of(redis)
    clock.tat = 0  # as if it had waited long enough
    await set_clock(redis, clock)
    await aio(redis.zadd, key("waiting"), {"1/text": 0})
    assert await sender.claim(1)
    cell_us = (await clock_of(redis)).cell
    assert 0.5 * float(told["text_now"]) <= 1e6 / cell_us <= 1.5 * float((await page(redis))["text_now"])


async def test_a_limit_set_by_hand_counts_at_once_and_ends_by_itself(redis: Redis, runs: RunQueue) -> None:
    sender, limits = await sending(redis, runs), LimitQueue(redis)
    assert not await limits.set_limit("no such page", 1, None, who="ana")
    assert await limits.set_limit("1", 20.0, 60_000, who="ana")
    assert await sender.claim(100)
    told = await page(redis)
    assert (told["text_limit"], told["text_now"], told["media_limit"]) == ("20", "20", "10")
    assert (await clock_of(redis)).cell == 50_000
    await aio(redis.hset, key("page:1"), "set_limit_until_ms", 1)
    assert (await page(redis))["text_limit"] == "50"


async def test_a_limit_set_by_hand_wakes_a_page_that_waited_for_a_lower_one(redis: Redis, runs: RunQueue) -> None:
    sender, limits = await sending(redis, runs), LimitQueue(redis)
    await limits.set_limit("1", 0.1, None, who="ana")
    assert await sender.claim(1)
    assert not await sender.claim(1)
    assert await limits.set_limit("1", None, None, who="ana")
    assert await aio(redis.zscore, key("waiting"), "1/text") is None
    assert not {"set_limit", "set_limit_until_ms"} & (await page(redis)).keys()


async def test_a_reset_ends_what_rules_did_and_leaves_what_people_did(redis: Redis, runs: RunQueue) -> None:
    sender, limits = await sending(redis, runs), LimitQueue(redis)
    await throttle(sender)
    await limits.set_limit("1", 40, None, who="ana")
    await PageQueue(redis).open_breaker("1", "ana")
    assert await limits.reset("1", who="bob") == ["pace"]
    assert await limits.reset("1", who="bob") == []
    told = await page(redis)
    assert not {"pace", "pace_rule", "answers"} & told.keys()
    assert (told["text_now"], told["breaker"]) == ("40", "open")
    entries = [(e.who, e.what, e.detail) for e in await AuditStream(redis).oldest()]
    assert entries == [
        ("ana", "limits set", "40/s"),
        ("ana", "page breaker open", ""),
        ("bob", "limits reset", "pace"),
    ]


async def test_a_reset_ends_pauses_and_ceilings_of_rules_and_no_pause_by_hand(redis: Redis, runs: RunQueue) -> None:
    sender, limits, pages = await sending(redis, runs), LimitQueue(redis), PageQueue(redis)
    await sender.answer(await sender.claim(1), used(page=86))
    assert await limits.reset("1", who="bob") == ["ceiling"]
    await sender.answer(await sender.claim(1), used(page=100))
    assert not await sender.claim(1)
    assert await limits.reset("1", who="bob") == ["ceiling", "pause"]
    await pages.pause("1", "ana")
    assert await limits.reset("1", who="bob") == []
    assert (await page(redis))["pause_reason"] == "by hand"
    assert await limits.reset("no such page", who="bob") is None


async def test_the_app_is_told_and_reset_too(redis: Redis, runs: RunQueue) -> None:
    sender, limits = await sending(redis, runs), LimitQueue(redis)
    fields: dict[Any, Any] = {"slowed": 1, "pace_rate": 20, "pace_rule": "app-limit-pace"}
    now_us = (await explain(redis)).now_us
    await aio(redis.hset, key("app"), mapping={**fields, "cut_us": now_us, "hold_until_us": now_us + 30_000_000})
    app = (await explain(redis)).app
    assert 1 <= float(app["now"]) < 20
    assert int(app["full_us"]) > now_us + 30_000_000
    assert await limits.reset("app", who="bob") == ["pace", "hold"]
    assert (await explain(redis)).app["now"] == ""
    assert await sender.claim(1)


async def test_many_pages_are_explained_in_slices(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    await aio(redis.sadd, key("pages"), *(str(n) for n in range(2, 1202)))
    limits = LimitQueue(redis)
    assert len((await limits.explain(await limits.pages(), DEFAULTS)).pages) == 1201


async def test_a_page_goes_on_soon_after_a_low_limit_has_ended(redis: Redis, runs: RunQueue) -> None:
    sender, limits = await sending(redis, runs), LimitQueue(redis)
    assert await sender.claim(100)  # what may go at once
    assert await limits.set_limit("1", 0.1, 300, who="ana")
    assert not await sender.claim(1)  # fifty seconds of that limit have gone already
    await trio.sleep(1.4)
    assert await sender.claim(1)


async def test_many_pages_are_changed_with_a_few_calls_and_the_trail_has_each(redis: Redis, runs: RunQueue) -> None:
    known, unknown = [str(n) for n in range(100, 1100)], ["9", "9\0ü"]
    await aio(redis.sadd, key("pages"), *known)
    pages, limits = [known[0], *unknown, *known[1:]], LimitQueue(redis)
    await limits.reset("1", who="ana")  # so that the script is there
    await aio(redis.config_resetstat)
    assert await limits.set_limits(pages, 5, None, who="ana", detail="one of 1002 pages") == unknown
    assert (await aio(redis.info, "commandstats"))["cmdstat_evalsha"]["calls"] <= len(pages) / 50
    for one in known:
        await aio(redis.hset, key(f"page:{one}"), "pace", "0.5")
    lifted = await limits.reset_all(pages, who="bob", detail="one of 1002 pages")
    assert {page: what for page, what in lifted.items() if what != ["pace"]} == dict.fromkeys(unknown)
    assert await aio(redis.hget, key("page:1099"), "set_limit") == b"5"
    entries = [(e.what, e.target, e.detail) for e in await AuditStream(redis).oldest()]
    assert entries[0] == ("limits set", "100", "5/s, one of 1002 pages")
    newest: Any = await aio(redis.xrevrange, key("audit"), count=1)
    assert newest[0][1][b"detail"] == b"pace; one of 1002 pages"
    assert await aio(redis.xlen, key("audit")) == 2 * len(known)
