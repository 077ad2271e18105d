"""Rules of the claim, with four senders at work and a stand-in Graph API that notes every POST with its moment."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from statistics import median
from typing import Any

import httpx
import msgspec
import pytest

from schema.keys import key
from tests.faults.world import World
from tests.patience import patience_s

SENDERS = 4
TASKS = 5
IN_FLIGHT = SENDERS * TASKS
"""When a rule acts; these end as they end."""


@pytest.fixture
async def four(world: World) -> World:
    """Four senders that have nothing to do yet."""
    await world.start_senders(*[[]] * SENDERS, worker_concurrency=TASKS, rate_limit_per_page=60)
    return world


async def posts_of(world: World) -> list[dict[str, Any]]:
    """Return what came in so far, in order."""
    async with httpx.AsyncClient(timeout=patience_s()) as client:
        text = (await client.get(world.graph_url + "/__posts")).text
    return [msgspec.json.decode(line) for line in text.splitlines()]


def reason_of_brake(world: World, run_id: str) -> str:
    """Return why the run is braked; empty: it is not."""
    held, reason = world.redis.hmget(key(f"run:{run_id}"), "hold:brake", "brake_reason")
    return (reason or b"").decode() if held else ""


@pytest.mark.parametrize(("answer", "needed"), [("368", 1), ("100", 20)])
async def test_what_nobody_can_get_brakes_the_run_for_all_senders(four: World, answer: str, needed: int) -> None:
    await four.graph(people={answer: 1.0})
    await four.enqueue("run", 300)
    await four.until(lambda: reason_of_brake(four, "run") != "", "the brake")
    await four.until(lambda: four.held() == 0, "the end of what was in flight")
    braked = len(await posts_of(four))
    assert needed <= braked <= needed + IN_FLIGHT
    await four.graph(people={})
    assert await four.runs.let_go("run", "brake", who="ana")
    await four.until_done()
    assert four.outcomes("run") == {"failed": braked, "sent": 300 - braked}
    await four.verify("Everybody's message is refused")


async def test_no_request_leaves_after_closing_though_no_run_processor_lives(four: World) -> None:
    await four.enqueue("run", 300)  # five seconds
    now_ms = await four.runs.clock_ms()
    closes_ms, opens_ms = now_ms + 1500, now_ms + 4500
    day = 24 * 3600 * 1000
    await four.runs.set_windows("run", {"": [(now_ms - day, closes_ms), (opens_ms, now_ms + day)]})
    await four.until_done()
    moments = [post["at_ms"] for post in await posts_of(four)]
    assert [at for at in moments if closes_ms + 1000 < at < opens_ms] == []
    assert min(moments) < closes_ms
    assert max(moments) > opens_ms
    assert four.outcomes("run") == {"sent": 300}


async def test_a_page_finds_the_limit_that_it_really_has(four: World) -> None:
    await four.graph(hidden_limits={"100": 30})
    await four.enqueue("run", 240)
    await four.until_done()
    refused = sum("613" in post["answer"] for post in await posts_of(four))
    assert 0 < refused <= 24  # a few while it looks for the limit; without a look, half of all
    assert four.outcomes("run")["sent"] == 240
    await four.verify("A hidden limit")


async def test_an_outage_that_cannot_be_read_leaves_only_what_was_in_flight_unknown(four: World) -> None:
    await four.graph(outages=[{"from_s": 0, "for_s": 3600, "kind": "html502"}])
    for page in range(10):
        await four.enqueue(f"run{page}", 60, page=str(100 + page))
    await four.until(lambda: four.redis.hget(key("app"), "probe") is not None, "a pause of the app")
    await four.graph(outages=[])
    await four.until_done()
    unknown = sum(four.outcomes(f"run{page}")["unknown"] for page in range(10))
    assert 0 < unknown <= IN_FLIGHT + 50
    assert sum(four.outcomes(f"run{page}")["sent"] for page in range(10)) == 600 - unknown
    await four.verify("Unreadable answers")


async def test_one_person_gets_one_message_a_second_over_runs_and_senders(four: World) -> None:
    for run in ("a", "b", "c"):
        await four.enqueue(run, 30)  # the same people
    await four.until_done()
    by_person: dict[str, list[float]] = defaultdict(list)
    for post in await posts_of(four):
        by_person[post["person"]].append(post["at_ms"])
    gaps_ms = [after - before for moments in by_person.values() for before, after in pairwise(moments)]
    assert len(gaps_ms) == 60
    assert min(gaps_ms) >= 1250 - 800  # a claim is obeyed within 0.8 s, or goes back (delivery.py)
    assert median(gaps_ms) >= 1000
    await four.verify("Three runs to the same people")
