"""Run processors that are killed at every step, and several at once: each job is enqueued exactly once."""

from __future__ import annotations

import pytest
import trio

from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import Source, Views
from sender.runs.known_pages import KnownPages
from tests.integration.runs.fuse import Fuse, Fused
from tests.integration.runs.world import World

EXPECTED = ["1", "2", "3", "4", "5", "6", "7"]
ZONES = {"Asia/Tokyo": ["3"], "Europe/Berlin": ["6"]}
WITH_DUPLICATES = ["1", "2", "3", "3", "3", "4", "5", "6", "6", "7", "7"]


async def killed_at(world: World, step: int) -> bool:
    """Let a processor work that is killed at this step; False when it was done before."""
    fuse = Fuse(step)
    async with world.database(read_only=True) as source, world.database() as log:
        processor = world.processor(
            source=Fused(Source("source", source, Views()), fuse),
            registry=Fused(Registry(log), fuse),
            queue=Fused(world.queue, fuse),
            pages=KnownPages(Fused(world.page_queue, fuse), world.box, complete=True),  # type: ignore[arg-type]
        )
        with fuse.scope:
            await world.turn(processor)
    return fuse.scope.cancelled_caught


async def test_processor_killed_between_any_two_steps_loses_and_doubles_nothing(world: World) -> None:
    step, killed = 0, True
    while killed:
        step += 1
        run = world.run(*WITH_DUPLICATES)
        killed = await killed_at(world, step)
        if world.jobs(run):
            assert world.state(run) == "enqueuing", f"step {step}: jobs before the registry knew the run"
        await world.turn()
        assert world.recipients(run) == EXPECTED, f"step {step}"
        await world.keep_books()
        row = world.registered(run)
        assert row is not None
        assert (row["state"], row["recipients"]) == ("active", len(EXPECTED)), f"step {step}"
        world.change(run, status="sent long ago")  # so that the next round has only its own run
    assert step > 30


async def test_processor_killed_between_any_two_steps_leaves_no_job_whose_hours_the_queue_does_not_know(
    world: World,
) -> None:
    for recipient, zone in (("3", "Asia/Tokyo"), ("6", "Europe/Berlin")):
        world.sql("INSERT INTO subscribers (page_id, psid, time_zone) VALUES ('100', %s, %s)", recipient, zone)
    step, killed = 0, True
    while killed:
        step += 1
        run = world.run(*EXPECTED)
        world.change(run, send_window="09:00-11:00")
        killed = await killed_at(world, step)
        for zone in ZONES:
            if world.zoned_jobs(run, zone):
                assert (world.windows(run) or {}).get(zone), f"step {step}: {zone}"
            assert not world.recipients(run) or world.windows(run), f"step {step}"
        await world.turn()
        assert {zone: world.zoned_jobs(run, zone) for zone in ZONES} == ZONES, f"step {step}"
        world.change(run, status="sent long ago")
    assert step > 30


async def test_processors_killed_one_after_the_other_complete_a_run(world: World) -> None:
    run = world.run(*WITH_DUPLICATES)
    for step in range(1, 60):
        await killed_at(world, step)
    assert world.recipients(run) == EXPECTED


@pytest.mark.parametrize("processors", [2, 8])
async def test_processors_at_once_enqueue_every_job_once(world: World, processors: int) -> None:
    many = [f"{n:04}" for n in range(100)]
    runs = [world.run(*many, *many[::7]) for _ in range(5)]
    refused = world.run("1", message={})
    team = [world.processor(chunk=7) for _ in range(processors)]
    for _ in range(2):
        async with trio.open_nursery() as nursery:
            for processor in team:
                nursery.start_soon(world.turn, processor)
    await world.turn()  # those that left a run to another come back to it
    assert [world.recipients(run) for run in runs] == [many] * 5
    assert world.state(refused) == "refused"
    assert world.sql("SELECT count(*) FROM runs") == [6]


async def test_processors_at_once_killed_at_random_steps_enqueue_every_job_once(world: World) -> None:
    many = [f"{n:04}" for n in range(60)]
    runs = [world.run(*many, *many[::5]) for _ in range(3)]
    for step in range(3, 45, 3):
        async with trio.open_nursery() as nursery:
            for other in range(4):
                nursery.start_soon(killed_at, world, step + other)
    await world.turn()
    assert [world.recipients(run) for run in runs] == [many] * 3


async def test_bookkeepers_at_once_log_each_change_once(world: World) -> None:
    from structlog.testing import capture_logs

    lost, finished = world.run("1"), world.empty_run()
    await world.turn()
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(world.keep_books)
        world.lose_redis()
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(world.keep_books)
    events = [(line["event"], line["run_id"]) for line in logs]
    assert events == [("run_finished", finished), ("run_queue_lost", lost)]
