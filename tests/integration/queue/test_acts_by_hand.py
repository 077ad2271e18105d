"""What people do to pages, runs and everything: it is done at once, and its script notes who did it."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from schema.keys import key
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from sender.graph.api.classify import Answer
from sender.queue.app_queue import AppQueue
from sender.queue.audit_stream import AuditStream
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from tests.integration.queue.answers import BAD, Answering
from tests.integration.queue.jobs import enqueue, open_queue, run_of

APP_THROTTLED = Answer(error_class=ErrorClass.RATE_LIMIT_APP, http_status=400, code=4)


async def acts(redis: Redis) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.what, entry.target) for entry in await AuditStream(redis).oldest()]


async def brake(redis: Redis) -> Answering:
    """Twenty people get the same error: a rule holds the run."""
    sender = Answering(await open_queue(redis))
    happened = await sender.answer(await sender.claim(20), BAD)
    assert [one.what for one in happened] == ["brake"]
    return sender


async def test_every_act_notes_who_did_it_once(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    pages, app = PageQueue(redis), AppQueue(redis)
    for _ in range(2):  # a repeat changes nothing, and is no act
        await pages.pause("1", "ana")
    for _ in range(2):
        await pages.resume("1", "bob")
    for _ in range(2):
        await pages.open_breaker("1", "ana")
    for _ in range(2):
        await pages.close_breaker("1", "bob")
    for _ in range(2):
        await app.pause("ana")
    for _ in range(2):
        await app.resume("bob")
    for _ in range(2):
        await runs.hold("r", "operator", who="ana")
    for _ in range(2):
        await runs.let_go("r", "operator", who="bob")
    for _ in range(2):
        await runs.cancel("r", who="ana")
    assert await acts(redis) == [
        ("ana", "page pause", "1"),
        ("bob", "page resume", "1"),
        ("ana", "page breaker open", "1"),
        ("bob", "page breaker close", "1"),
        ("ana", "pause --all", "all pages"),
        ("bob", "resume --all", "all pages"),
        ("ana", "run pause", "r"),
        ("bob", "run resume", "r"),
        ("ana", "run cancel", "r"),
    ]


async def test_what_nobody_did_is_no_act(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    await runs.hold("r", "source")
    await runs.let_go("r", "source")
    await runs.cancel("r")
    await PageQueue(redis).pause("no such page", "ana")
    await runs.hold("no such run", "operator", who="ana")
    assert await acts(redis) == []


async def test_everything_is_paused_and_resumed_by_hand(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, app = await open_queue(redis), AppQueue(redis)
    sender = Answering(queue)
    under_way = await sender.claim(3)
    assert await app.pause("ana") == 3
    assert (await queue.claim("b", 5)).status == "paused"
    await sender.answer(under_way, APP_THROTTLED)  # no rule ends or shortens what a person wants
    assert await aio(redis.hmget, key("app"), "paused_until_ms", "pause_reason") == [b"9999999999999", b"by hand"]
    assert (await queue.claim("c", 5)).status == "paused"
    await app.resume("ana")
    assert (await queue.claim("d", 5)).groups


async def test_resuming_everything_ends_what_a_rule_paused_too(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    fields: dict[Any, Any] = {"paused_until_ms": 8_000_000_000_000, "pause_rule": "app-throttled"}
    fields |= {"pause_level": 3, "probe": "due"}
    await aio(redis.hset, key("app"), mapping=fields)
    await AppQueue(redis).resume("ana")
    assert await aio(redis.hmget, key("app"), *fields) == [None] * 4


async def test_no_token_closes_a_breaker_that_a_person_has_opened(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 10)
    queue, pages = await open_queue(redis), PageQueue(redis)
    await pages.open_breaker("1", "ana")
    await pages.set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
    assert (await queue.claim("a", 5)).groups == []
    await pages.close_breaker("1", "ana")
    assert len((await queue.claim("b", 5)).groups[0].records) == 5


async def test_a_braked_run_stands_still_and_says_why(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 40)
    sender = await brake(redis)
    await runs.hold("r", "source")
    await runs.let_go("r", "source")  # somebody else who lets go does not start it
    assert await sender.claim(5) == []
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.held_by, facts.brake_rule) == (["brake"], "same-payload-error")
    assert "2018034" in (facts.brake_reason or "")
    assert facts.brake_at_ms


async def test_a_person_who_resumes_a_run_lets_go_of_its_brake_which_counts_anew(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 60)
    sender = await brake(redis)
    await runs.hold("r", "operator", who="ana")
    assert await runs.let_go("r", "operator", who="ana")
    facts = (await runs.facts(["r"]))["r"]
    assert (facts.held_by, facts.brake_rule, facts.brake_reason, facts.brake_at_ms) == ([], None, None, None)
    assert await sender.answer(await sender.claim(19), BAD) == []
    assert [one.what for one in await sender.answer(await sender.claim(1), BAD)] == ["brake"]
    assert (await acts(redis))[-1] == ("ana", "run resume", "r")


@pytest.mark.parametrize(
    ("fields", "at_s"),
    [({"x": "y"}, 1.5), ({"who": b"\xff", "target": "a\0b", "at_ms": "soon"}, 1.5), ({"at_ms": "2000"}, 2.0)],
)
async def test_an_entry_that_somebody_else_wrote_can_be_read(redis: Redis, fields: dict[Any, Any], at_s: float) -> None:
    await aio(redis.xadd, key("audit"), fields, "1500-7")
    [entry] = await AuditStream(redis).oldest()
    assert (entry.stream_id, entry.at.timestamp()) == ("1500-7", at_s)
    assert "\0" not in entry.target
    await AuditStream(redis).carried(entry)
    assert await AuditStream(redis).waiting() == 0
