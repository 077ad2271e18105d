"""Recovery step by step, without senders: what stands in the log is written by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from schema.keys import key
from sender.runs.by_hand.errors import RunUnusable
from sender.runs.by_hand.recovery import Recovered, Recovery
from sender.runs.databases.source_views import SUBMITTED, Source, SourceName, Views
from sender.runs.known_pages import KnownPages
from tests.integration.runs.fuse import Fuse, Fused
from tests.integration.runs.world import World


def recovery(db: World, *, fuse: Fuse | None = None) -> Recovery:
    def part(one: Any) -> Any:
        return Fused(one, fuse) if fuse else one

    sources: dict[SourceName, Any] = {
        "submitted": part(Source("submitted", db.database(), SUBMITTED)),
        "source": part(Source("source", db.database(), Views())),
    }
    pages = KnownPages(part(db.page_queue), db.box, complete=False)
    return Recovery(part(db.registry_client()), part(db.queue), pages, sources)


async def lost_run(db: World, *recipients: str) -> str:
    """A run that was taken and enqueued, and whose queue is gone."""
    run = db.run(*recipients)
    await db.turn()
    await db.keep_books()
    db.lose_redis()
    await db.keep_books()
    assert db.state(run) == "queue_lost"
    return run


async def test_only_those_without_a_final_row_are_enqueued_and_their_attempts_go_on(db: World) -> None:
    run = await lost_run(db, "1", "2", "3", "4", "5", "6", "7")
    db.log(run, "2", "sent")
    db.log(run, "4", "retrying", attempt=1)
    db.log(run, "4", "retrying", attempt=2)
    db.log(run, "5", "retrying", attempt=1)
    db.log(run, "5", "failed", attempt=2, error_class="transient")
    db.log("another", "6", "sent")
    assert (await recovery(db).recover(run)).ended == 2
    await db.turn()
    await db.keep_books()
    assert [(job.recipient_id, job.attempts) for job in db.jobs(run)] == [
        ("1", 0),
        ("3", 0),
        ("4", 2),
        ("6", 0),
        ("7", 0),
    ]
    facts = await db.facts(run)
    assert (facts.recipients, facts.left, facts.outcomes) == (7, 5, {"sent": 1, "failed": 1})
    row = db.registered(run)
    assert row is not None
    assert (row["state"], row["recipients"], row["queue_epoch"]) == ("active", 7, await db.queue.epoch())


async def test_recovered_run_has_its_page_window_and_limits_before_its_first_job(db: World) -> None:
    run = await lost_run(db, "1")
    db.change(run, send_window="00:00-00:01" if datetime.now(UTC).hour >= 12 else "23:58-23:59")
    await recovery(db).recover(run)
    assert db.box.open(db.page_in_queue()["token"]) == "secret-token"
    assert not db.open_at(run, time.time_ns() // 1_000_000)
    assert db.windows(run) != {"": []}


async def test_run_whose_source_row_is_gone_is_recovered_from_the_registry(db: World) -> None:
    run = await lost_run(db, "1", "2")
    db.log(run, "1", "sent")
    db.change(run, status="done")
    await recovery(db).recover(run)
    await db.turn()
    assert db.recipients(run) == ["2"]


async def test_run_that_was_being_cancelled_is_held_for_a_person(db: World) -> None:
    run = await lost_run(db, "1", "2")
    db.log(run, "1", "cancelled", attempt=0, error_class="run_cancelled")
    assert (await recovery(db).recover(run)).held
    await db.turn()
    assert (await db.facts(run)).held_by == ["operator"]


async def test_run_that_a_rule_had_braked_stays_so_until_a_person_resumes_it(db: World) -> None:
    run = db.run("1", "2")
    await db.turn()
    db.redis_command("HSET", key(f"run:{run}"), "hold:brake", "1", "brake_rule", "recipients-gone")
    await db.keep_books()
    db.lose_redis()
    await db.keep_books()
    assert (await recovery(db).recover(run)).held
    await db.turn()
    await db.keep_books()
    row = db.registered(run)
    assert ((await db.facts(run)).held_by, row and row["brake_rule"]) == (["brake"], "recipients-gone")
    await db.queue.let_go(run, "brake")
    await db.keep_books()
    row = db.registered(run)
    assert row is not None
    assert row["brake_rule"] is None


@pytest.mark.parametrize("status", ["paused", "cancelled"])
async def test_run_that_its_source_has_stopped_meanwhile_is_held_before_its_first_job(db: World, status: str) -> None:
    run = await lost_run(db, "1")
    db.change(run, status=status)
    assert not (await recovery(db).recover(run)).held
    assert (await db.facts(run)).held_by == ["source"]


async def test_run_whose_first_days_rows_are_dropped_is_held_for_a_person(db: World) -> None:
    run = await lost_run(db, "1", "2")
    db.sql("UPDATE runs SET taken_at = taken_at - interval '9 days'")
    db.log(run, "2", "sent")
    assert await recovery(db).recover(run) == Recovered(run, ended=1, held=True, complete=False)
    await db.turn()
    assert (db.recipients(run), (await db.facts(run)).held_by) == (["1"], ["operator"])


async def test_recovery_killed_between_any_two_steps_can_be_begun_again(db: World) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        run = await lost_run(db, "1", "2", "3", "4", "5")
        db.log(run, "3", "sent")
        fuse = Fuse(step)
        with fuse.scope:
            await recovery(db, fuse=fuse).recover(run)
        killed = fuse.scope.cancelled_caught
        await db.turn()
        await db.keep_books()
        await db.turn()
        if db.state(run) == "queue_lost":
            assert db.jobs(run) == []
            await recovery(db).recover(run)
        await db.turn()
        assert db.recipients(run) == ["1", "2", "4", "5"], f"killed at step {step}"
    assert step > 15


async def test_two_recoveries_at_once_enqueue_everybody_once(db: World) -> None:
    run = await lost_run(db, *(str(n) for n in range(10, 60)))
    db.log(run, "20", "sent")
    done: list[str] = []

    async def one() -> None:
        try:
            await recovery(db).recover(run)
            done.append(run)
        except RunUnusable:
            pass
        await db.turn()

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    await db.turn()
    assert done == [run]
    assert db.recipients(run) == [str(n) for n in range(10, 60) if n != 20]


async def test_run_that_only_redis_forgot_is_filled_from_the_log_though_its_epoch_is_there(db: World) -> None:
    run = db.run("1", "2", "3")
    await db.turn()
    await db.keep_books()
    db.redis_command("DEL", key(f"run:{run}"), key(f"jobs:{run}"))
    await db.keep_books()
    db.log(run, "1", "sent")
    begun = recovery(db)
    await begun.recover(run)
    db.sql("UPDATE runs SET state = 'queue_lost' WHERE run_id = %s", run)  # as a bookkeeper that looked before may
    await db.keep_books()
    await db.turn()
    assert db.recipients(run) == ["2", "3"]
