"""Runs under way that are paused, resumed or cancelled in the source or by an operator."""

from __future__ import annotations

import pytest

from schema.run import RunState
from tests.integration.runs.world import SAMPLES, World


async def test_source_pauses_and_resumes_a_run(world: World) -> None:
    run = world.run("1")
    await world.turn()
    world.change(run, status="paused")
    await world.turn()
    assert (await world.facts(run)).held_by == ["source"]
    world.change(run, status="queued")
    await world.turn()
    assert (await world.facts(run)).held_by == []


async def test_status_that_is_the_users_own_changes_nothing(world: World) -> None:
    run = world.run("1")
    await world.turn()
    world.change(run, status="paused")
    await world.turn()
    world.sql("DROP VIEW newar_runs")
    world.sql((SAMPLES / "views.sql").read_text().replace("b.status IN ('queued', 'paused', 'cancelled')", "true"))
    world.change(run, status="archived")
    await world.turn()
    assert (await world.facts(run)).held_by == ["source"]


async def test_operators_hold_is_not_the_sources_to_undo(world: World) -> None:
    run = world.run("1")
    await world.turn()
    await world.queue.hold(run, "operator")
    await world.turn()
    assert (await world.facts(run)).held_by == ["operator"]


async def test_source_cancels_a_run_for_good(world: World) -> None:
    run = world.run("1")
    await world.turn()
    world.change(run, status="cancelled")
    await world.turn()
    assert (await world.facts(run)).state is RunState.CANCELLED
    world.change(run, status="queued")
    await world.turn()
    assert (await world.facts(run)).state is RunState.CANCELLED


@pytest.mark.parametrize("status", ["paused", "cancelled", "draft"])
async def test_run_that_is_not_queued_is_not_taken(world: World, status: str) -> None:
    run = world.run("1", status=status)
    await world.turn()
    assert world.state(run) is None
    world.change(run, status="queued")
    await world.turn()
    assert world.recipients(run) == ["1"]


async def test_run_paused_while_it_is_being_enqueued_is_completed_and_held(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))
    processor = world.processor(chunk=3)
    await processor.poll()
    world.change(run, status="paused")
    await world.turn(processor)
    facts = await world.facts(run)
    assert (facts.held_by, facts.recipients, facts.enqueued) == (["source"], 10, True)


async def test_run_cancelled_while_it_is_being_enqueued_ends_with_those_enqueued(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))

    class CancelsAfterTheFirst:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            done = await world.queue.enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]
            await world.queue.cancel(run_id)
            return done

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    await world.turn(world.processor(chunk=3, queue=CancelsAfterTheFirst()))
    await world.turn()
    facts = await world.facts(run)
    assert (facts.state, facts.recipients, facts.left) == (RunState.CANCELLED, 3, 3)


async def test_poll_without_changes_writes_nothing(world: World) -> None:
    run = world.run("1")
    world.change(run, send_window="09:00-10:00")
    processor = world.processor()
    await world.turn(processor)
    await world.keep_books()
    written = world.sql("SELECT xmin::text FROM runs")

    class ReadsOnly:
        def __getattr__(self, name: str) -> object:
            assert name in ("epoch", "glance", "older_senders"), name
            return getattr(world.queue, name)

    processor._queue = processor._hours._queue = ReadsOnly()  # type: ignore[assignment]
    processor._pages._queue = ReadsOnly()  # type: ignore[assignment]
    await world.turn(processor)
    await world.keep_books()
    assert world.sql("SELECT xmin::text FROM runs") == written
