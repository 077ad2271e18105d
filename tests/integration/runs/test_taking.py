"""Taking and enqueuing: from a run in the source to its jobs in the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psutil
import pytest
import trio
from structlog.testing import capture_logs

from schema.run import RunState
from sender.runs.databases.errors import DatabaseAway
from tests.integration.runs.world import NOON_MS, World


def moment(after_noon_ms: int) -> datetime:
    return datetime.fromtimestamp(NOON_MS / 1000, UTC) + timedelta(milliseconds=after_noon_ms)


def fill_disk(world: World) -> None:
    world.sql(
        "CREATE FUNCTION fill_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE disk_full; END $$; "
        "CREATE TRIGGER fill_disk BEFORE INSERT ON runs EXECUTE FUNCTION fill_disk()"
    )


async def test_run_is_taken_registered_and_enqueued_in_key_order(world: World) -> None:
    run = world.run("9", "10", "2", "a", "A", "1")
    await world.turn()
    assert world.recipients(run) == ["1", "10", "2", "9"]
    assert list(world.asides(run)) == ["A", "a"]
    row = world.registered(run)
    assert row is not None
    assert (row["page_id"], row["source"], row["queue_epoch"]) == ("100", "source", await world.queue.epoch())
    assert row["message"] == {"text": "Hi {{first_name|there}}"}
    facts = await world.facts(run)
    assert (facts.state, facts.recipients, facts.enqueued) == (RunState.ACTIVE, 6, True)


async def test_job_carries_the_recipients_variables_and_last_interaction(world: World) -> None:
    world.sql("INSERT INTO subscribers VALUES ('100', '7', 'Ann', '2026-11-22T09:30:00Z')")
    run = world.run("7")
    world.sql('UPDATE broadcast_recipients SET variables = \'{"city": "Chiang Mai"}\'')
    await world.turn()
    [job] = world.jobs(run)
    assert job.variables == {"first_name": "Ann", "city": "Chiang Mai"}
    assert job.last_interaction_ms == int(datetime(2026, 11, 22, 9, 30, tzinfo=UTC).timestamp() * 1000)


async def test_run_may_have_any_text_as_its_id(world: World) -> None:
    names = ["a", "a:jobs", "a b", "*", "{s0}", "💥"]
    for name in names:
        world.submitted_run(name, "1", "2")
    await world.turn(world.processor("submitted"))
    assert [world.recipients(name) for name in names] == [["1", "2"]] * len(names)


@pytest.mark.parametrize("chunk", [1, 2, 3, 4, 100])
async def test_recipient_twice_in_a_run_gets_one_job_also_across_chunks(world: World, chunk: int) -> None:
    run = world.run("1", "1", "1", "2", "3", "3", "3", "3", "4")
    await world.turn(world.processor(chunk=chunk))
    assert world.recipients(run) == ["1", "2", "3", "4"]
    assert (await world.facts(run)).recipients == 4


async def test_garbage_ids_are_enqueued_and_missing_ones_counted(world: World) -> None:
    world.sql("ALTER TABLE broadcast_recipients ALTER psid DROP NOT NULL")
    run = world.run("not a number", " 1 ", "", "💥")
    world.sql("INSERT INTO broadcast_recipients VALUES (%s, '100', NULL)", run)
    with capture_logs() as logs:
        await world.turn()
    assert list(world.asides(run)) == [" 1 ", "not a number", "💥"]
    assert [line["rows"] for line in logs if line["event"] == "recipients_without_id"] == [2]
    row = world.registered(run)
    assert row is not None
    assert row["reason"] == "2 rows without a usable recipient_id were left out"


async def test_run_is_taken_when_it_is_due_and_not_before(world: World) -> None:
    run = world.run("1")
    world.change(run, scheduled_at=moment(1))
    await world.turn()
    assert world.state(run) is None
    world.now_ms += 1
    await world.turn()
    assert world.recipients(run) == ["1"]


async def test_message_corrected_after_its_run_could_not_be_registered_is_the_one_sent(world: World) -> None:
    run = world.run("1")
    fill_disk(world)
    with pytest.raises(DatabaseAway):
        await world.turn()
    world.sql("DROP TRIGGER fill_disk ON runs")
    world.change(run, message='{"text": "corrected"}')
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert row["message"] == world.spec(run)["message"] == {"text": "corrected"}


async def test_run_put_off_after_it_could_not_be_registered_is_not_sent_before_it_is_due(world: World) -> None:
    run = world.run("1")
    fill_disk(world)
    with pytest.raises(DatabaseAway):
        await world.turn()
    world.sql("DROP TRIGGER fill_disk ON runs")
    world.change(run, scheduled_at=moment(1))
    await world.turn()
    assert (world.state(run), world.jobs(run)) == (None, [])
    world.now_ms += 1
    await world.turn()
    assert world.recipients(run) == ["1"]


async def test_expired_run_is_taken_so_that_everybody_in_it_gets_an_outcome(world: World) -> None:
    run = world.run("1", "2")
    [(hour_ago, at_ms)] = world.sql("SELECT now() - interval '1 h', extract(epoch FROM now() - interval '1 h') * 1000")
    world.change(run, expires_at=hour_ago)
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert datetime.fromisoformat(row["expires_at"]).timestamp() * 1000 == pytest.approx(float(at_ms), abs=1)
    assert (await world.facts(run)).recipients == 2


async def test_many_runs_are_looked_at_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sender.runs.processor.HEADS_PAGE", 3)
    runs = [world.run("1") for _ in range(8)]
    await world.turn()
    assert [world.recipients(run) for run in runs] == [["1"]] * 8


async def test_every_run_gets_on_also_when_a_poll_takes_longer_than_the_interval(world: World) -> None:
    first, second = world.run("1", "2", "3", "4"), world.run("5", "6", "7")
    processor = world.processor(chunk=2)
    await processor.turn(trio.current_time() - 1, trio.Event())
    assert (world.recipients(first), world.recipients(second)) == (["1", "2"], ["5", "6"])


async def test_small_run_does_not_wait_for_a_large_one(world: World) -> None:
    large, small = world.run(*(str(n) for n in range(10, 40))), world.run("1", "2", "3", "4")
    processor = world.processor(chunk=3)
    await processor.poll()
    turns: list[str] = []
    enqueue_chunk = world.queue.enqueue_chunk

    class Watching:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            turns.append(run_id)
            return await enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    watched = world.processor(chunk=3, queue=Watching())
    await world.turn(watched)
    assert sorted(turns[:2]) == sorted([large, small])
    assert sorted(turns[2:4]) == sorted([large, small])
    assert set(turns[4:]) == {large}


async def test_soft_stop_ends_filling_between_two_chunks(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 30)))
    stopping = trio.Event()
    enqueue_chunk = world.queue.enqueue_chunk

    class StopsAfterTheFirst:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            stopping.set()
            return await enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    await world.processor(chunk=3, queue=StopsAfterTheFirst()).turn(trio.current_time() + 3600, stopping)
    assert len(world.jobs(run)) == 3
    await world.turn()
    assert len(world.jobs(run)) == 20


async def test_memory_does_not_grow_with_the_run(world: World) -> None:
    process, seen = psutil.Process(), [0]

    class Weighing:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            seen.append(process.memory_info().rss)
            return await world.queue.enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    async def heaviest(recipients: int) -> int:
        run = world.run()
        world.sql(
            "INSERT INTO broadcast_recipients "
            "SELECT %s, '100', (10^15 + n)::bigint::text, '{\"city\": \"Chiang Mai\"}' FROM generate_series(1, %s) n",
            run,
            recipients,
        )
        await world.turn(world.processor(chunk=2000, queue=Weighing()))
        facts = await world.facts(run)
        assert (facts.recipients, facts.enqueued) == (recipients, True)
        return max(seen)

    small = await heaviest(10_000)
    assert await heaviest(300_000) < small + 20_000_000  # all at once take over 100 MB
