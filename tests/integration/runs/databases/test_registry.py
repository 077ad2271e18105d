"""What the registry notes of runs: their end, and the loss of their queue."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from schema.keys import key
from sender.runs.databases.errors import DatabaseAway
from sender.runs.databases.source_views import SUBMITTED, Source
from tests.integration.listed_runs import by_id
from tests.integration.runs.world import World


async def test_bookkeeper_notes_enqueued_and_finished_runs(world: World) -> None:
    run = world.run("1", "2")
    await world.turn()
    await world.keep_books()
    row = world.registered(run)
    assert row is not None
    assert (row["state"], row["recipients"]) == ("active", 2)
    assert row["enqueued_at"] is not None
    empty = world.empty_run()
    await world.turn()
    with capture_logs() as logs:
        await world.keep_books()
        await world.keep_books()
    row = world.registered(empty)
    assert row is not None
    assert (row["state"], row["recipients"], row["outcomes"]) == ("finished", 0, {})
    assert row["finished_at"] is not None
    assert [line["run_id"] for line in logs if line["event"] == "run_finished"] == [empty]
    assert await world.queue.finished() == []


async def test_emptied_redis_holds_taken_runs_and_never_takes_finished_ones_again(world: World) -> None:
    running, finished = world.run("1"), world.empty_run()
    await world.turn()
    await world.keep_books()
    world.lose_redis()
    with capture_logs() as logs:
        for _ in range(2):
            await world.turn()
            await world.keep_books()
    assert (world.state(running), world.state(finished)) == ("queue_lost", "finished")
    assert (world.jobs(running), world.jobs(finished)) == ([], [])
    assert [line["run_id"] for line in logs if line["event"] == "run_queue_lost"] == [running]
    row = world.registered(running)
    assert row is not None
    assert "newar run recover" in row["reason"]


async def test_redis_emptied_while_a_run_is_being_enqueued_enqueues_no_more_of_it(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))

    class LostAfterTheFirst:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            done = await world.queue.enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]
            world.lose_redis()
            return done

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    await world.turn(world.processor(queue=LostAfterTheFirst()))
    await world.turn()
    await world.keep_books()
    assert (world.state(run), world.jobs(run)) == ("queue_lost", [])


async def test_redis_emptied_while_a_run_is_being_taken_does_not_leave_it_without_its_page(world: World) -> None:
    run = world.run("1")

    class LostOnce:
        lost = False

        async def create_run(self, run: object) -> None:
            if not self.lost:
                world.lose_redis()
            self.lost = True
            await world.queue.create_run(run)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    processor = world.processor(queue=LostOnce())
    await world.turn(processor)
    assert (world.state(run), world.jobs(run)) == (None, [])
    await world.turn(processor)
    await world.keep_books()
    assert (world.state(run), world.recipients(run)) == ("active", ["1"])
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"


async def test_run_of_another_epoch_is_lost_though_a_run_of_its_name_is_known(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))
    processor = world.processor(chunk=3)
    await processor.poll()
    world.redis_command("SET", key("epoch"), "another")
    await world.turn()
    await world.keep_books()
    assert world.figures.runs_queue_lost == 1
    assert (world.state(run), world.jobs(run)) == ("queue_lost", [])


async def test_run_that_redis_has_forgotten_is_lost_though_its_epoch_is_there(world: World) -> None:
    forgotten, other = world.run("1"), world.run("1")
    await world.turn()
    world.redis_command("DEL", key(f"run:{forgotten}"))
    await world.turn()
    await world.keep_books()
    assert (world.state(forgotten), world.state(other)) == ("queue_lost", "active")


async def test_runs_go_on_when_their_queue_is_back(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))
    processor = world.processor(chunk=3)
    await processor.poll()
    registry = world.registry_client()
    await registry.lost(await registry.unfinished())
    assert world.state(run) == "queue_lost"
    with capture_logs() as logs:
        await world.keep_books()
    assert [line["event"] for line in logs] == ["run_queue_back"]
    await world.turn()
    assert len(world.jobs(run)) == 10


async def test_run_that_never_expires_is_shown_in_every_time_zone(world: World) -> None:
    run = world.run("1")
    world.change(run, expires_at="infinity")
    await world.turn()
    [database] = world.sql("SELECT current_database()")
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        world.sql(f"ALTER DATABASE {database} SET timezone = '{zone}'")
        assert list(await by_id(world.url, world.client)) == [run]


async def test_submitted_run_that_has_ended_is_not_looked_at_again(world: World) -> None:
    world.submitted_run("going", "1")
    world.submitted_run("ended")
    world.sql("UPDATE submitted_runs SET expires_at = '2020-01-01Z' WHERE run_id = 'ended'")
    world.submitted_run("refused", "1")
    world.sql("UPDATE submitted_runs SET tag = 'no tag goes with UPDATE' WHERE run_id = 'refused'")
    await world.turn(world.processor("submitted"))
    await world.keep_books()
    assert (world.state("ended"), world.state("refused")) == ("finished", "refused")
    assert [head.run_id for head in await Source("submitted", world.database(), SUBMITTED).heads("", 5)] == ["going"]


async def test_log_database_that_is_made_read_only_is_not_written_and_counts_as_away(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    [database] = world.sql("SELECT current_database()")
    world.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseAway):
        await world.turn(processor)
    assert world.state(run) is None
    world.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = off")
    await world.turn(processor)
    assert world.recipients(run) == ["1"]
