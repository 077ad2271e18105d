"""Runs of the source that are due later: known, bounded, and gone from there once they are taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sender.runs.databases import not_taken_runs
from tests.integration.listed_runs import by_id, listed
from tests.integration.runs.world import World

LATER = datetime(2090, 1, 15, 12, tzinfo=UTC)


async def test_run_that_is_due_later_is_listed_until_it_is_taken(world: World) -> None:
    run_id = world.run("1")
    world.change(run_id, scheduled_at=LATER)
    await world.turn()
    run = (await by_id(world.url, world.client))[run_id]
    assert (run.state, run.status, run.page_id, run.scheduled_at) == ("scheduled", "scheduled", "100", LATER)
    assert [(cause.cause, cause.until) for cause in run.waiting_because] == [("scheduled", LATER)]
    assert (run.recipients, run.left, run.outcomes, run.may_go) == (None, None, None, 0)
    world.change(run_id, scheduled_at=LATER - timedelta(days=1))
    await world.turn()
    assert (await by_id(world.url, world.client))[run_id].scheduled_at == LATER - timedelta(days=1)
    world.change(run_id, scheduled_at=None)
    await world.turn()
    assert (await by_id(world.url, world.client))[run_id].state == "active"
    assert world.sql("SELECT count(*) FROM scheduled_runs") == [0]


async def test_run_that_is_cancelled_or_taken_back_is_not_due_any_more(world: World) -> None:
    cancelled, gone = world.run("1"), world.run("2")
    for run_id in (cancelled, gone):
        world.change(run_id, scheduled_at=LATER)
    await world.turn()
    assert set(await by_id(world.url, world.client)) == {cancelled, gone}
    world.change(cancelled, status="cancelled")
    world.change(gone, status="draft")
    await world.turn()
    assert await by_id(world.url, world.client) == {}


async def test_of_very_many_the_next_are_listed_and_the_rest_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(not_taken_runs, "MOST_SCHEDULED", 2)
    ids = [world.run("1") for _ in range(5)]
    for number, run_id in enumerate(ids):
        world.change(run_id, scheduled_at=LATER - timedelta(days=number))
    world.change(ids[0], scheduled_at="infinity")
    await world.turn()
    answer = await listed(world.url, world.client)
    assert ([run.run_id for run in answer.runs], answer.scheduled_more) == ([ids[3], ids[4]], 3)
    assert (await listed(world.url, world.client, page="100")).scheduled_more == 0  # whose the rest are is not known


async def test_moment_without_end_is_stored_as_one_that_can_be_shown(world: World) -> None:
    run_id = world.run("1")
    world.change(run_id, scheduled_at="infinity")
    await world.turn()
    run = (await by_id(world.url, world.client))[run_id]
    assert run.scheduled_at is not None
    assert run.scheduled_at.year == 9999


async def test_submitted_run_that_is_due_later_says_so(world: World) -> None:
    world.submitted_run("later", "1", "2")
    world.sql("UPDATE submitted_runs SET scheduled_at = '2090-01-15 12:00Z'")
    await world.turn(world.processor("submitted"))
    run = (await by_id(world.url, world.client))["later"]
    assert (run.state, run.status, run.scheduled_at) == ("submitted", "scheduled", LATER)
    assert (run.recipients, run.left) == (2, 2)
