"""Runs that ask to be sent and are not taken: they wait with a reason, are refused and come again, or are listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from schema.run import RunState
from sender.runs.rules.rows import SourceRun, Survey
from tests.integration.runs.world import World


def two_days_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=2)


async def test_run_whose_recipients_come_later_waits_for_them_with_a_reason(world: World) -> None:
    run = world.run()
    with capture_logs() as logs:
        await world.turn()
        await world.turn()
    kind, reason = world.not_taken()[run]
    assert (kind, "no recipients can be seen" in reason) == ("waiting", True)
    assert [line["event"] for line in logs if line.get("run_id") == run] == ["run_waits"]
    assert world.state(run) is None
    world.recipient(run, "1", "2", "3")
    await world.turn()
    assert (world.recipients(run), world.not_taken()) == (["1", "2", "3"], {})


async def test_run_with_fewer_recipients_than_its_source_counts_sends_to_nobody_yet(world: World) -> None:
    run = world.run("1", "1", "")
    world.count_recipients()
    world.change(run, recipients=4)
    await world.turn()
    assert (world.state(run), world.jobs(run)) == (None, [])
    assert "the source says 4 recipients, 3 can be seen" in world.not_taken()[run][1]
    world.recipient(run, "2")
    await world.turn()
    assert world.recipients(run) == ["1", "2"]  # a duplicate and an unusable id were counted


async def test_run_that_has_waited_long_enough_is_refused_and_comes_again_when_its_recipients_do(world: World) -> None:
    run = world.run("1")
    world.count_recipients()
    world.change(run, recipients=3)
    for _ in range(3):
        await world.turn(grace_ms=0)
    row = world.registered(run)
    assert row is not None
    assert (row["state"], "3 recipients, 1 can be seen" in row["reason"]) == (RunState.REFUSED, True)
    assert world.not_taken() == {}
    world.recipient(run, "2")
    await world.turn(grace_ms=0)
    row = world.registered(run)
    assert row is not None
    assert "3 recipients, 2 can be seen" in row["reason"]
    world.recipient(run, "3")
    await world.turn(grace_ms=0)
    assert world.recipients(run) == ["1", "2", "3"]


async def test_run_that_waits_is_not_refused_by_a_grace_that_begins_anew_with_each_processor(world: World) -> None:
    run = world.run()
    for _ in range(2):
        await world.turn(world.processor(grace_ms=3_600_000))
    world.sql("UPDATE not_taken SET since = now() - interval '2 hours'")
    await world.turn(world.processor(grace_ms=3_600_000))
    assert world.state(run) == RunState.REFUSED


async def test_run_that_says_that_it_has_nobody_is_finished_at_once(world: World) -> None:
    run = world.empty_run()
    await world.turn()
    await world.keep_books()
    assert world.state(run) == RunState.FINISHED


async def test_count_that_is_no_number_refuses_the_run(world: World) -> None:
    run = world.run("1")
    world.count_recipients()
    world.change(run, recipients=-1)
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert "recipients must be a whole number from 0" in row["reason"]


async def test_recipients_that_are_gone_before_the_first_chunk_are_no_reason_to_finish(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await processor.poll()
    world.sql("CREATE TABLE kept AS TABLE broadcast_recipients; DELETE FROM broadcast_recipients")
    for _ in range(2):
        await world.turn(processor)
        await world.keep_books()
    assert (world.state(run), world.not_taken()[run][0]) == (RunState.ENQUEUING, "waiting")
    world.sql("INSERT INTO broadcast_recipients TABLE kept")
    await world.turn(processor)
    await world.turn(processor)
    assert (world.recipients(run), world.not_taken()) == (["1"], {})


async def test_run_whose_recipients_never_come_back_ends_when_it_expires(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await processor.poll()
    world.sql("DELETE FROM broadcast_recipients")
    await world.turn(processor)
    world.now_ms += 25 * 3600 * 1000
    await world.turn(processor)
    await world.turn(processor)
    await world.keep_books()
    assert (world.state(run), world.not_taken()) == (RunState.FINISHED, {})


async def test_run_refused_for_its_token_is_taken_when_the_token_is_there(world: World) -> None:
    world.page("200", has_token=False)
    run = world.run("1", page_id="200")
    await world.turn()
    assert world.state(run) == RunState.REFUSED
    world.sql("UPDATE pages SET access_token = 'now it is here' WHERE id = '200'")
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert (row["state"], row["reason"], row["finished_at"]) == (RunState.ENQUEUING, None, None)
    assert row["message"] == {"text": "Hi {{first_name|there}}"}
    assert world.recipients(run) == ["1"]


async def test_old_refusal_is_not_undone_by_a_token_but_by_a_change_of_the_run(world: World) -> None:
    world.page("200", has_token=False)
    run = world.run("1", page_id="200")
    world.change(run, updated_at=two_days_ago())
    await world.turn()
    world.sql("UPDATE runs SET finished_at = now() - interval '25 hours'")
    world.sql("UPDATE pages SET access_token = 'now it is here' WHERE id = '200'")
    await world.turn()
    assert world.state(run) == RunState.REFUSED
    world.sql("UPDATE broadcasts SET updated_at = now()")
    await world.turn()
    assert world.recipients(run) == ["1"]


async def test_finished_run_that_is_queued_again_is_listed_and_not_sent(world: World) -> None:
    run = world.empty_run()
    world.change(run, updated_at=two_days_ago())
    await world.turn()
    await world.keep_books()
    await world.turn()
    assert world.not_taken() == {}  # its row is still as it was when it was sent
    world.change(run, updated_at="2100-01-01Z", recipients=1)
    world.recipient(run, "1")
    await world.turn()
    kind, reason = world.not_taken()[run]
    assert (kind, "no id is sent twice" in reason, "newar run retry" in reason) == ("spent", True, True)
    assert (world.state(run), world.jobs(run)) == (RunState.FINISHED, [])


async def test_status_that_is_nearly_a_word_is_listed_until_it_is_one(world: World) -> None:
    run, mine = world.run("1", status="Queued"), world.run("1", status="draft")
    stopped = world.run("1", status="canceled")
    with capture_logs() as logs:
        await world.turn()
        await world.turn()
    assert sorted(line["run_id"] for line in logs if line["event"] == "run_not_taken") == sorted([run, stopped])
    assert {run_id: kind for run_id, (kind, _) in world.not_taken().items()} == {run: "word", stopped: "word"}
    assert world.not_taken()[run][1] == "its status 'Queued' is no word that counts: write queued"
    assert "write cancelled" in world.not_taken()[stopped][1]
    assert (world.state(run), world.state(mine)) == (None, None)
    world.change(run, status="queued")
    await world.turn()
    assert list(world.not_taken()) == [stopped]
    assert world.recipients(run) == ["1"]


@pytest.mark.parametrize("word", ["canceled", "Cancelled", " paused ", "PAUSE"])
async def test_run_that_is_nearly_told_to_stop_is_held_until_the_word_is_right(world: World, word: str) -> None:
    run = world.run("1")
    await world.turn()
    world.change(run, status=word)
    await world.turn()
    assert (await world.facts(run)).held_by == ["source"]
    assert "until then it is held" in world.not_taken()[run][1]
    world.change(run, status="queued")
    await world.turn()
    assert ((await world.facts(run)).held_by, world.not_taken()) == ([], {})
    world.change(run, status=word)
    await world.turn()
    world.change(run, status="cancelled")
    await world.turn()
    assert (await world.facts(run)).state == RunState.CANCELLED


async def test_two_processors_at_once_note_the_same(world: World) -> None:
    runs = [world.run() for _ in range(20)]
    processors = [world.processor() for _ in range(4)]
    async with trio.open_nursery() as nursery:
        for processor in processors:
            nursery.start_soon(world.turn, processor)
    assert sorted(world.not_taken()) == sorted(runs)


async def test_ids_that_a_spreadsheet_has_rounded_refuse_the_run(world: World) -> None:
    run = world.run("24012345678901200", "24012345678901300", "10212345678901200")
    good = world.run("24012345678901200", "24012345678901300", "10212345678901237")
    few = world.run("7000000000000010")
    counted = world.run(*(str(7 * 10**15 + 20 * n) for n in range(9)))
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert "all 3 recipient ids of more than 15 digits end in zeros" in row["reason"]
    assert [len(world.jobs(run)) for run in (good, few, counted)] == [3, 1, 9]


async def test_run_that_a_former_release_refused_stays_refused(world: World) -> None:
    run = world.run("1")  # whoever refused it told to give it a new id, under which it may have been sent
    world.sql(
        "INSERT INTO runs (run_id, page_id, source, state, reason, finished_at) "
        "VALUES (%s, '100', 'source', 'refused', 'page_access_token is missing', now())",
        run,
    )
    world.change(run, updated_at="2100-01-01Z")
    await world.turn()
    assert (world.state(run), world.jobs(run)) == (RunState.REFUSED, [])


async def test_processor_no_longer_says_that_a_run_waits_which_another_one_has_filled(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await processor.poll()
    world.sql("CREATE TABLE kept AS TABLE broadcast_recipients; DELETE FROM broadcast_recipients")
    await world.turn(processor)
    world.sql("INSERT INTO broadcast_recipients TABLE kept")
    await world.turn()
    for _ in range(2):
        await world.turn(processor)
    assert (world.recipients(run), world.not_taken()) == (["1"], {})


async def test_run_of_which_no_row_names_anybody_is_refused(world: World) -> None:
    run = world.run("", "x" * 501)
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert (row["state"], "none of its 2 rows has a usable recipient_id" in row["reason"]) == (RunState.REFUSED, True)


async def test_refused_run_that_nobody_mends_is_not_written_again_with_every_look(world: World) -> None:
    run = world.run("1", message={"txt": "Hi"})
    written: list[str] = []
    registry = world.registry_client()

    class Counting:
        async def refuse(self, row: SourceRun, *rest: Any, for_now: bool) -> bool:
            written.append(row.run_id)
            return await registry.refuse(row, *rest, for_now=for_now)

        def __getattr__(self, name: str) -> object:
            return getattr(registry, name)

    processor = world.processor(registry=Counting())
    for _ in range(3):
        await world.turn(processor)
    assert written == [run]
    world.change(run, message='{"text": ""}')
    await world.turn(processor)
    assert written == [run, run]
    row = world.registered(run)
    assert row is not None
    assert "text" in row["reason"]


async def test_run_that_is_being_sent_and_whose_registry_was_lost_is_not_refused_for_those_who_are_gone(
    world: World,
) -> None:
    run = world.run("1", "2", "3", "4", "5")
    world.count_recipients()
    world.change(run, recipients=5)
    processor = world.processor(chunk=3)
    await processor.poll()
    await processor.fill(trio.current_time() - 1, trio.Event())
    world.sql("DELETE FROM runs; DELETE FROM broadcast_recipients WHERE psid = '1'")
    for _ in range(2):
        await world.turn(grace_ms=0)
    assert (world.state(run), world.recipients(run)) == (RunState.ENQUEUING, ["1", "2", "3", "4", "5"])


async def test_recipients_of_a_refused_run_are_not_counted_again_with_every_look(world: World) -> None:
    run = world.run("24012345678901200", "24012345678901300", "10212345678901200")
    processor = world.processor()
    source = processor._taking._source
    counted: list[str] = []
    survey = source.survey

    async def counting(run_id: str) -> Survey:
        counted.append(run_id)
        return await survey(run_id)

    source.survey = counting  # type: ignore[method-assign]
    for _ in range(4):
        await world.turn(processor)
    assert counted == [run, run]  # when it was refused, and once within the next minute


async def test_run_that_is_being_sent_goes_on_as_it_was_taken_though_the_registry_lost_it(world: World) -> None:
    run = world.run(*(str(n) for n in range(10, 20)))
    processor = world.processor(chunk=3)
    await processor.poll()
    await processor.fill(trio.current_time() - 1, trio.Event())
    world.sql("DELETE FROM runs")
    world.change(run, message='{"txt": "Hi"}')
    await world.turn()
    assert [job.recipient_id for job in world.jobs(run)] == [str(n) for n in range(10, 20)]
    await world.turn()
    assert (world.state(run), len(world.jobs(run))) == (RunState.ENQUEUING, 10)
    assert world.sql("SELECT message FROM runs") == [{"text": "Hi {{first_name|there}}"}]


@pytest.mark.parametrize("status", ["queued", "paused", "cancelled"])
async def test_run_that_is_in_the_queue_is_registered_again_when_the_registry_was_set_back(
    world: World, status: str
) -> None:
    """Else it would be taken again when the queue has forgotten it, a day after its end."""
    run = world.run("10", "11")
    await world.turn()
    world.sql("DELETE FROM runs")
    world.change(run, status=status)
    await world.turn()
    [(state, page, source)] = world.sql("SELECT state, page_id, source FROM runs")
    assert (state, page, source) == ("enqueuing", "100", "source")
    assert len(world.jobs(run)) == 2


async def test_run_that_has_ended_in_the_queue_is_registered_again_with_how_it_ended(world: World) -> None:
    run = world.empty_run()
    await world.turn()
    await world.keep_books()
    assert world.state(run) == RunState.FINISHED
    world.sql("DELETE FROM runs")
    await world.turn()
    await world.keep_books()
    assert world.sql("SELECT state, ended_as FROM runs") == [("finished", "complete")]
    await world.turn()
    assert world.sql("SELECT count(*) FROM runs") == [1]
