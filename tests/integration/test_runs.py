"""The run processor on a real source, a real log database and a real Redis."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
import trio
from psycopg import sql
from structlog.testing import capture_logs

from schema.keys import key
from schema.run import RunState
from sender.runs.database import statement
from sender.runs.errors import DatabaseAway, QueryRefused
from sender.runs.pages import PageBook
from sender.runs.source import Source, Views
from tests.integration.runs_world import NOON_MS, SAMPLES, World, open_world


@pytest.fixture
async def world(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    async with open_world(log_database_url, redis_url) as opened:
        opened.page()
        yield opened


def moment(after_noon_ms: int) -> datetime:
    return datetime.fromtimestamp(NOON_MS / 1000, UTC) + timedelta(milliseconds=after_noon_ms)


# -- taking and enqueuing -----------------------------------------------------------------------------------------


async def test_run_is_taken_registered_and_enqueued_in_key_order(world: World) -> None:
    run = world.run("9", "10", "2", "a", "A", "1")
    await world.turn()
    assert world.recipients(run) == ["1", "10", "2", "9", "A", "a"]
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
    assert world.recipients(run) == [" 1 ", "not a number", "💥"]
    assert [line["rows"] for line in logs if line["event"] == "recipients_without_id"] == [2]
    row = world.registered(run)
    assert row is not None
    assert row["reason"] == "2 rows without a usable recipient_id were left out"


async def test_run_without_recipients_is_finished_at_once(world: World) -> None:
    run = world.run()
    await world.turn()
    await world.keep_books()
    assert world.state(run) == "finished"


async def test_run_is_taken_when_it_is_due_and_not_before(world: World) -> None:
    run = world.run("1")
    world.change(run, scheduled_at=moment(1))
    await world.turn()
    assert world.state(run) is None
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


# -- refusing -----------------------------------------------------------------------------------------------------


async def test_unusable_run_is_refused_once_with_its_reason_and_the_rest_goes_on(world: World) -> None:
    bad, good = world.run("1", message={}), world.run("1")
    with capture_logs() as logs:
        await world.turn()
        world.change(bad, message='{"text": "mended"}')
        await world.turn()
    assert world.jobs(bad) == []
    row = world.registered(bad)
    assert row is not None
    assert (row["state"], "message is empty" in row["reason"]) == ("refused", True)
    assert [line["run_id"] for line in logs if line["event"] == "run_refused"] == [bad]
    assert world.recipients(good) == ["1"]


async def test_run_whose_id_is_too_long_to_be_registered_keeps_no_other(world: World) -> None:
    world.sql("DROP VIEW newar_runs; CREATE TABLE newar_runs (LIKE submitted_runs INCLUDING DEFAULTS)")
    for run_id in (secrets.token_hex(3000), "good"):
        world.sql("INSERT INTO newar_runs VALUES (%s, '100', 'token', '{\"text\": \"Hi\"}')", run_id)
    with pytest.raises(QueryRefused, match="index row"):
        await world.turn()
    assert world.state("good") == RunState.ENQUEUING


async def test_recipient_whose_id_no_row_of_the_log_could_hold_is_left_out_and_counted(world: World) -> None:
    run = world.run("1", "7" * 501, "8")
    await world.turn()
    assert world.recipients(run) == ["1", "8"]
    row = world.registered(run)
    assert row is not None
    assert row["reason"] == "1 rows without a usable recipient_id were left out"


@pytest.mark.parametrize("lost", ["runs", "submitted_runs"])
async def test_log_database_that_lacks_a_table_is_to_be_migrated(world: World, lost: str) -> None:
    world.sql("INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('r', '100', '{}')")
    world.sql(f"DROP TABLE {lost}")
    with pytest.raises(QueryRefused, match="newar migrate"):
        await world.turn(world.processor("submitted"))


async def test_message_that_is_no_json_in_a_text_column_refuses_that_run_only(world: World) -> None:
    world.sql("DROP VIEW newar_runs; ALTER TABLE broadcasts ALTER message TYPE text")
    world.sample("views.sql")
    bad, good = world.run("1"), world.run("1")
    world.change(bad, message="{'text': 'Hi'}")
    await world.turn()
    assert (world.state(bad), world.recipients(good)) == ("refused", ["1"])


async def test_run_without_a_token_is_refused_unless_its_page_has_one(world: World) -> None:
    world.page("200", has_token=False)
    without = world.run("1", page_id="200")
    await world.turn()
    row = world.registered(without)
    assert row is not None
    assert "page_access_token is missing" in row["reason"]


# -- steering -----------------------------------------------------------------------------------------------------


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


async def test_run_is_held_outside_its_window_before_its_first_job_is_there(world: World) -> None:
    world.sql("UPDATE pages SET time_zone = 'Asia/Bangkok'")  # 19:00 there at noon
    run = world.run("1")
    world.change(run, send_window="09:00-19:00")
    await world.turn()
    assert (world.recipients(run), (await world.facts(run)).held_by) == (["1"], ["window"])
    world.now_ms -= 60_000
    await world.turn()
    assert (await world.facts(run)).held_by == []
    world.now_ms += 60_000
    await world.turn()
    assert (await world.facts(run)).held_by == ["window"]


async def test_window_that_becomes_unreadable_holds_the_run_and_is_logged_once(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await world.turn(processor)
    world.change(run, send_window="daytime")
    with capture_logs() as logs:
        await world.turn(processor)
        await world.turn(processor)
    assert (await world.facts(run)).held_by == ["window"]
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["send_window_unreadable"]


async def test_poll_without_changes_writes_nothing(world: World) -> None:
    run = world.run("1")
    world.change(run, send_window="09:00-10:00")
    processor = world.processor()
    await world.turn(processor)
    await world.keep_books()
    written = world.sql("SELECT xmin::text FROM runs")

    class ReadsOnly:
        def __getattr__(self, name: str) -> object:
            assert name in ("epoch", "facts", "finished"), name
            return getattr(world.queue, name)

    processor._queue = ReadsOnly()  # type: ignore[assignment]
    processor._pages._queue = ReadsOnly()  # type: ignore[assignment]
    await world.turn(processor)
    await world.keep_books()
    assert world.sql("SELECT xmin::text FROM runs") == written


# -- pages --------------------------------------------------------------------------------------------------------


async def test_token_reaches_redis_sealed_and_a_new_one_at_the_next_poll(world: World) -> None:
    world.run("1")
    processor = world.processor()
    await world.turn(processor)
    first = world.page_in_queue()
    assert world.box.open(first["token"]) == "secret-token"
    assert "secret-token" not in str(first)
    await world.turn(processor)
    assert world.page_in_queue() == first
    world.sql("UPDATE pages SET access_token = 'new-token'")
    await world.turn(processor)
    assert world.box.open(world.page_in_queue()["token"]) == "new-token"


async def test_page_view_may_be_missing(world: World) -> None:
    world.sql("DROP VIEW newar_pages")
    run = world.run("1")
    await world.turn()
    assert world.recipients(run) == ["1"]
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"
    world.sql("UPDATE pages SET access_token = 'new-token'")
    await world.turn()
    assert world.box.open(world.page_in_queue()["token"]) == "new-token"


async def test_pages_limits_and_zone_reach_redis_and_nonsense_does_not(world: World) -> None:
    world.sql("DROP VIEW newar_pages")
    world.sql(
        "CREATE VIEW newar_pages AS SELECT id AS page_id, access_token AS page_access_token, 'UTC' AS time_zone, "
        "2 AS weight, 'NaN'::float8 AS limit_text, 'many' AS limit_media FROM pages"
    )
    world.run("1")
    with capture_logs() as logs:
        await world.turn()
    assert [line["column"] for line in logs if line["event"] == "page_value_unreadable"] == ["limit_media"]
    page = world.page_in_queue()
    assert (page["weight"], page["time_zone"]) == ("2", "UTC")
    assert not {"limit_text", "limit_media"} & set(page)


async def test_submitted_run_waits_for_what_the_source_says_of_its_page(world: World) -> None:
    world.sql("INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('s1', '100', '{\"text\": \"Hi\"}')")
    world.sql("INSERT INTO submitted_recipients VALUES ('s1', '1')")
    book = PageBook(world.queue, world.box, complete=False)
    submitted = world.processor("submitted", pages=book)
    await world.turn(submitted)
    assert world.state("s1") is None
    await world.turn(world.processor(pages=book))
    await world.turn(submitted)
    assert world.recipients("s1") == ["1"]
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"


# -- the registry -------------------------------------------------------------------------------------------------


async def test_bookkeeper_notes_enqueued_and_finished_runs(world: World) -> None:
    run = world.run("1", "2")
    await world.turn()
    await world.keep_books()
    row = world.registered(run)
    assert row is not None
    assert (row["state"], row["recipients"]) == ("active", 2)
    assert row["enqueued_at"] is not None
    empty = world.run()
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
    running, finished = world.run("1"), world.run()
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


# -- the source ---------------------------------------------------------------------------------------------------


async def test_source_is_only_ever_read(world: World) -> None:
    database = world.database(read_only=True)
    assert await database.rows(sql.SQL("SELECT current_setting('transaction_read_only')")) == [("on",)]
    with pytest.raises(DatabaseAway):
        await database.rows(sql.SQL("DELETE FROM pages"))


async def test_missing_columns_and_views_are_named_together_with_what_to_write(world: World) -> None:
    world.sql("DROP VIEW newar_runs; DROP VIEW newar_recipients; DROP VIEW newar_pages")
    world.sql("CREATE VIEW newar_runs AS SELECT id AS run_id, page_id, message, status FROM broadcasts")
    world.sql("CREATE VIEW newar_pages AS SELECT id AS page_id FROM pages")
    with pytest.raises(QueryRefused) as caught:
        await world.turn()
    text = str(caught.value)
    assert "the view newar_runs lacks page_access_token, messaging_type, tag, notification_type, scheduled_at" in text
    assert "NULL AS page_access_token" in text
    assert "the view newar_recipients does not exist here: create it, or name yours in SOURCE_RECIPIENTS_VIEW" in text
    assert "the view newar_pages lacks page_access_token, time_zone, weight, limit_text, limit_media" in text
    assert "schema/source/views.sql" in text


async def test_view_that_loses_a_column_is_named_and_its_mend_is_noticed(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await world.turn(processor)
    world.sql("DROP VIEW newar_runs; CREATE VIEW newar_runs AS SELECT id AS run_id FROM broadcasts")
    with pytest.raises(QueryRefused, match="the view newar_runs lacks page_id"):
        await world.turn(processor)
    world.sql("DROP VIEW newar_runs")
    world.sample("views.sql")
    world.change(run, status="paused")
    await world.turn(processor)
    assert (await world.facts(run)).held_by == ["source"]


async def test_column_of_an_impossible_type_is_an_error_that_names_the_samples(world: World) -> None:
    world.sql("DROP VIEW newar_recipients")
    world.sql(
        "CREATE VIEW newar_recipients AS SELECT broadcast_id::text AS run_id, psid AS recipient_id, variables, "
        "'yesterday' AS last_interaction_at FROM broadcast_recipients"
    )
    world.run("1")
    problem = "last_interaction_at of the view newar_recipients is text: write last_interaction_at::timestamptz"
    with pytest.raises(QueryRefused, match=f"{problem}.*schema/source/views.sql"):
        await world.turn()


async def test_priority_that_is_no_number_refuses_that_run_only(world: World) -> None:
    bad, good = world.run("1"), world.run("2")
    views = (SAMPLES / "views.sql").read_text()
    world.sql("DROP VIEW newar_runs")
    world.sql(views.replace("NULL::int        AS priority", f"CASE b.id WHEN '{bad}' THEN 'high' END AS priority"))
    await world.turn()
    assert world.recipients(good) == ["2"]
    row = world.registered(bad)
    assert row is not None
    assert row["reason"] == "priority must be a whole number from -1000 to 1000, not high"


async def test_run_that_cannot_be_read_is_named_and_does_not_keep_the_others(world: World) -> None:
    runs = [world.run(f"{n}") for n in range(7)]
    views = (SAMPLES / "views.sql").read_text()
    world.sql("DROP VIEW newar_runs")
    world.sql(
        views.replace("NULL::int        AS priority", f"(CASE b.id WHEN '{runs[3]}' THEN 'high' END)::int AS priority")
    )
    with pytest.raises(QueryRefused, match=f'run {runs[3]}: .*"high"'):
        await world.turn()
    assert [world.recipients(run) for run in runs] == [[f"{n}"] if n != 3 else [] for n in range(7)]


async def test_run_whose_recipients_cannot_be_read_does_not_keep_the_others(world: World) -> None:
    bad, good = world.run("1"), world.run("22")
    world.sql(
        "CREATE OR REPLACE VIEW newar_recipients AS SELECT broadcast_id::text AS run_id, psid AS recipient_id, "
        "(1 / (length(psid) - 1))::text::jsonb AS variables, "
        "NULL::timestamptz AS last_interaction_at FROM broadcast_recipients"
    )
    with pytest.raises(QueryRefused, match="division by zero"):
        await world.turn()
    assert (world.recipients(good), world.recipients(bad)) == (["22"], [])


async def test_views_may_have_a_schema_and_any_name(world: World) -> None:
    world.sql('CREATE SCHEMA "My Shop"; CREATE VIEW "My Shop"."Runs" AS TABLE newar_runs')
    run = world.run("1")
    await world.turn(world.processor(views=Views(runs="My Shop.Runs")))
    assert world.recipients(run) == ["1"]


async def test_name_of_a_view_is_never_sql(world: World) -> None:
    with pytest.raises(QueryRefused, match="does not exist here"):
        await world.turn(world.processor(views=Views(runs='newar_runs"; DROP TABLE pages; --')))
    assert world.sql("SELECT count(*) FROM pages") == [1]


async def test_ids_that_are_no_text_in_the_view_work_too(world: World) -> None:
    world.sql("DROP VIEW newar_recipients; DROP VIEW newar_runs")
    world.sample("views.sql")
    world.sql("DROP VIEW newar_recipients")
    world.sql(
        "CREATE VIEW newar_recipients AS SELECT broadcast_id AS run_id, psid::bigint AS recipient_id, variables, "
        "NULL::timestamp AS last_interaction_at FROM broadcast_recipients"
    )
    run = world.run("9", "10", "11", "12", "9")
    await world.turn()
    assert world.recipients(run) == ["10", "11", "12", "9"]


async def test_advised_index_gives_recipients_in_order_also_before_postgres_has_counted_them(world: World) -> None:
    run = world.run()
    insert = "INSERT INTO broadcast_recipients SELECT %s, '100', n::text FROM generate_series(1, 20000) n"
    world.sql(insert, run)
    query = statement("recipients").format(recipients=sql.Identifier("newar_recipients"))
    explain = sql.SQL("EXPLAIN ") + query
    rows = await world.database(read_only=True).rows(explain, run_id=run, cursor="3", limit=500)
    plan = "\n".join(line for (line,) in rows)
    assert "Index Scan using broadcast_recipients_newar" in plan
    assert "Sort" not in plan


async def test_samples_hide_the_views_from_supabases_web_roles(world: World) -> None:
    made = not world.sql("SELECT 1 FROM pg_roles WHERE rolname = 'anon'")
    if made:
        world.sql("CREATE ROLE anon")
    try:
        world.sql("GRANT ALL ON newar_runs, newar_recipients, newar_pages TO anon")
        world.sample("views.sql")
        views = ("newar_runs", "newar_recipients", "newar_pages")
        assert [world.sql("SELECT has_table_privilege('anon', %s, 'SELECT')", v) for v in views] == [[False]] * 3
    finally:
        if made:
            world.sql("DROP OWNED BY anon; DROP ROLE anon")
    await world.turn()  # the owner still may


async def test_samples_reader_sees_the_views_and_nothing_else(world: World) -> None:
    if world.sql("SELECT 1 FROM pg_roles WHERE rolname = 'newar_reader'"):
        pytest.skip("another test session on this server uses the role newar_reader")
    run = world.run("1")
    try:
        world.sample("reader.sql")
        password = "put%20your%20own%20here"
        address = urlsplit(world.url)
        host = address.netloc.rsplit("@", 1)[-1]
        reader = urlunsplit(address._replace(netloc=f"newar_reader:{password}@{host}"))
        async with world.database(read_only=True, url=reader) as database:
            await world.turn(world.processor(source=Source("source", database, Views())))
            with pytest.raises(QueryRefused, match="permission denied for table pages"):
                await database.rows(sql.SQL("SELECT access_token FROM pages"))
    finally:
        world.sql("DROP OWNED BY newar_reader; DROP ROLE newar_reader")
    assert world.recipients(run) == ["1"]


async def test_connection_that_was_cut_is_opened_again(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await processor.poll()
    world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'newar runs'")
    with pytest.raises(DatabaseAway):
        await world.turn(processor)
    for _ in range(2):  # the log database's connection may be noticed next
        try:
            await world.turn(processor)
        except DatabaseAway:
            continue
    assert world.recipients(run) == ["1"]
