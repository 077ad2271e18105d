"""The hours that the queue is told of runs: before their first job, renewed, changed, and in recipients' zones."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from schema.keys import key
from sender.runs.databases.errors import QueryRefused
from sender.runs.known_pages import KnownPages
from sender.runs.rules.open_hours import AHEAD_MS
from tests.integration.runs.world import NOON_MS, SAMPLES, World

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LONGEST_ZONE = "America/Argentina/ComodRivadavia"


class Counting:
    """The queue, counting what is written of hours and what is held."""

    def __init__(self, world: World) -> None:
        self._queue = world.queue
        self.written: list[set[str]] = []

    async def set_windows(self, run_id: str, windows: dict[str, object], **more: object) -> set[str]:
        missing: set[str] = await self._queue.set_windows(run_id, windows, **more)  # type: ignore[arg-type]
        if not missing:
            self.written.append(set(windows))
        return missing

    def __getattr__(self, name: str) -> object:
        return getattr(self._queue, name)


def timed_run(world: World, window: str, *recipients: str) -> str:
    run = world.run(*(recipients or ("1",)))
    world.change(run, send_window=window)
    return run


def live_in(world: World, zone: str | None, *recipients: str) -> None:
    for recipient in recipients:
        world.sql("INSERT INTO subscribers (page_id, psid, time_zone) VALUES ('100', %s, %s)", recipient, zone)


async def test_hours_of_fourteen_days_are_in_the_queue_before_the_first_job(world: World) -> None:
    world.sql("UPDATE pages SET time_zone = 'Asia/Bangkok'")  # 19:00 there at noon
    run = timed_run(world, "09:00-19:00, 20:00-21:00")
    await world.processor().poll()
    assert world.jobs(run) == []
    moments = world.windows(run)
    assert moments is not None
    assert list(moments) == [""]
    assert [world.open_at(run, NOON_MS + ms) for ms in (-1, 0, HOUR_MS - 1, HOUR_MS, 2 * HOUR_MS)] == [
        *(True, False, False, True, False)
    ]
    assert all(world.open_at(run, NOON_MS + day * DAY_MS - 1) for day in range(15))
    await world.turn()
    assert (world.recipients(run), (await world.facts(run)).held_by) == (["1"], [])


async def test_hours_are_renewed_while_less_than_half_of_them_is_left(world: World) -> None:
    timed_run(world, "09:00-19:00")
    queue = Counting(world)
    processor = world.processor(queue=queue)
    written = []
    for now_ms in (NOON_MS, NOON_MS + 1, NOON_MS + AHEAD_MS // 2, NOON_MS + AHEAD_MS // 2 + 2 * HOUR_MS):
        world.now_ms = now_ms
        await world.turn(processor)
        written.append(len(queue.written))
    assert written == [1, 1, 1, 2]


async def test_hours_are_renewed_while_the_source_cannot_be_read(world: World) -> None:
    run = timed_run(world, "09:00-19:00")
    processor = world.processor()
    await world.turn(processor)
    await world.turn(processor)
    world.sql("ALTER VIEW newar_runs RENAME TO not_here")
    world.now_ms += AHEAD_MS - HOUR_MS
    with pytest.raises(QueryRefused):
        await world.turn(processor)
    assert world.open_at(run, world.now_ms + 7 * DAY_MS)


async def test_other_hours_and_another_zone_of_the_page_are_told_at_the_next_poll(world: World) -> None:
    run = timed_run(world, "09:00-19:00")
    processor = world.processor()
    await world.turn(processor)
    world.change(run, send_window="15:00-16:00")
    await world.turn(processor)
    assert [world.open_at(run, NOON_MS + hour * HOUR_MS) for hour in (0, 3)] == [False, True]
    world.sql("UPDATE pages SET time_zone = 'Asia/Bangkok'")
    await world.turn(processor)
    assert [world.open_at(run, NOON_MS + hour * HOUR_MS) for hour in (0, 3, 20)] == [False, False, True]
    world.change(run, send_window=None)
    await world.turn(processor)
    assert world.windows(run) is None


async def test_hours_that_become_unreadable_close_the_run_and_are_logged_once(world: World) -> None:
    run = timed_run(world, "09:00-19:00")
    processor = world.processor()
    await world.turn(processor)
    world.change(run, send_window="daytime")
    with capture_logs() as logs:
        await world.turn(processor)
        await world.turn(processor)
    assert world.windows(run) == {"": []}
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["send_window_unreadable"]
    world.change(run, send_window="09:00-19:00")
    await world.turn(processor)
    assert world.open_at(run, NOON_MS)


async def test_page_whose_zone_becomes_unreadable_closes_its_runs(world: World) -> None:
    run = timed_run(world, "09:00-19:00")
    await world.turn()
    world.sql("UPDATE pages SET time_zone = 'Mars/Base'")
    await world.turn()
    assert world.windows(run) == {"": []}


async def test_run_that_gets_hours_after_it_was_enqueued_obeys_them(world: World) -> None:
    run = world.run("1")
    await world.turn()
    assert world.windows(run) is None
    world.change(run, send_window="15:00-16:00")
    await world.turn()
    assert not world.open_at(run, NOON_MS)


async def test_run_that_does_not_open_before_it_expires_is_refused_with_what_to_write(world: World) -> None:
    run = timed_run(world, "09:00-12:00")
    world.change(run, expires_at="2027-01-15 20:00Z")
    await world.turn()
    row = world.registered(run)
    assert row is not None
    assert row["state"] == "refused"
    assert "does not open, in UTC, before the run expires (2027-01-15 20:00 UTC)" in row["reason"]


async def test_run_with_recipients_who_have_zones_of_their_own_is_taken_when_it_opens_for_them(world: World) -> None:
    live_in(world, "America/New_York", "1")
    run = timed_run(world, "09:00-12:00")
    world.change(run, expires_at="2027-01-15 20:00Z")
    await world.turn()
    assert world.zoned_jobs(run, "America/New_York") == ["1"]
    assert world.open_at(run, NOON_MS + 3 * HOUR_MS, "America/New_York")


async def test_zones_of_recipients_are_known_before_the_chunk_they_stand_in(world: World) -> None:
    live_in(world, "Asia/Tokyo", "2", "5")
    live_in(world, LONGEST_ZONE, "6")
    run = timed_run(world, "09:00-19:00", *"123456")
    known: list[set[str]] = []

    class Watching:
        async def enqueue_chunk(self, run_id: str, **chunk: object) -> bool:
            known.append(set(world.windows(run_id) or ()))
            return await world.queue.enqueue_chunk(run_id, **chunk)  # type: ignore[arg-type]

        def __getattr__(self, name: str) -> object:
            return getattr(world.queue, name)

    await world.turn(world.processor(chunk=2, queue=Watching()))
    assert known[:3] == [{"", "Asia/Tokyo"}, {"", "Asia/Tokyo"}, {"", "Asia/Tokyo", LONGEST_ZONE}]
    assert world.recipients(run) == ["1", "3", "4"]
    assert world.zoned_jobs(run, "Asia/Tokyo") == ["2", "5"]
    assert world.zoned_jobs(run, LONGEST_ZONE) == ["6"]
    assert not world.open_at(run, NOON_MS, "Asia/Tokyo")  # 21:00 there


async def test_zones_of_recipients_are_renewed_and_changed_with_the_pages(world: World) -> None:
    live_in(world, "Asia/Tokyo", "1")
    run = timed_run(world, "09:00-19:00", "1", "2")
    await world.turn()
    world.now_ms += AHEAD_MS - HOUR_MS
    await world.turn()
    assert world.open_at(run, world.now_ms + 13 * DAY_MS + 14 * HOUR_MS, "Asia/Tokyo")
    world.change(run, send_window="20:00-22:00")
    await world.turn()
    assert [world.open_at(run, NOON_MS + AHEAD_MS, zone) for zone in ("", "Asia/Tokyo")] == [False, True]
    world.change(run, send_window="daytime")
    await world.turn()
    assert world.windows(run) == {"": [], "Asia/Tokyo": []}


async def test_chunk_is_put_off_when_another_processor_has_told_other_hours_meanwhile(world: World) -> None:
    live_in(world, "Asia/Tokyo", "1")
    run = timed_run(world, "09:00-19:00", "1")
    processor, other = world.processor(), world.processor()

    class ChangedMeanwhile(Counting):
        async def set_windows(self, run_id: str, windows: dict[str, object], **more: object) -> set[str]:
            if "Asia/Tokyo" in windows and not self.written:
                world.change(run, send_window="20:00-22:00")
                await other.poll()
            return await super().set_windows(run_id, windows, **more)

    await processor.poll()
    queue = ChangedMeanwhile(world)
    processor._hours._queue = queue  # type: ignore[assignment]
    await world.turn(processor)
    assert (queue.written, world.zoned_jobs(run, "Asia/Tokyo")) == ([], [])
    processor._hours._queue = world.queue
    await world.turn(processor)
    assert world.zoned_jobs(run, "Asia/Tokyo") == ["1"]
    assert world.open_at(run, NOON_MS, "Asia/Tokyo")


async def test_zone_that_nobody_knows_counts_as_the_pages_and_is_logged_once(world: World) -> None:
    live_in(world, "Mars/Base", "1", "2")
    live_in(world, " ", "3")
    run = timed_run(world, "09:00-19:00", "1", "2", "3")
    processor = world.processor(chunk=1)
    with capture_logs() as logs:
        await world.turn(processor)
    assert world.recipients(run) == ["1", "2", "3"]
    assert [line["time_zone"] for line in logs if line["event"] == "time_zone_unknown"] == ["Mars/Base"]
    assert processor._figures.unknown_time_zones == 2


async def test_zones_are_not_looked_at_in_runs_without_hours(world: World) -> None:
    live_in(world, "Asia/Tokyo", "1")
    run = world.run("1")
    await world.turn()
    assert [job.time_zone for job in world.jobs(run)] == [None]


async def test_view_without_zones_will_do_and_one_that_gets_them_is_noticed(world: World) -> None:
    live_in(world, "Asia/Tokyo", "1")
    world.sql("DROP VIEW newar_recipients")
    world.sql((SAMPLES / "views.sql").read_text().replace(",\n    s.time_zone           AS time_zone", ""))
    run = timed_run(world, "09:00-19:00")
    processor = world.processor()
    await world.turn(processor)
    assert world.recipients(run) == ["1"]
    world.sample("views.sql")
    zoned = timed_run(world, "09:00-19:00")
    await world.turn(processor)
    assert world.zoned_jobs(zoned, "Asia/Tokyo") == ["1"]


async def test_hours_known_to_the_queue_stay_until_the_source_is_heard(world: World) -> None:
    world.sql("UPDATE pages SET time_zone = 'Asia/Bangkok'")
    world.submitted_run("s1", "1")
    world.sql("UPDATE submitted_runs SET send_window = '09:00-19:00'")
    await world.turn(world.processor("submitted", pages=await heard(world)))
    before = world.windows("s1")
    unheard = world.processor("submitted", pages=world.known_pages(complete=False))
    await world.turn(unheard)
    assert world.windows("s1") == before
    world.sql("UPDATE submitted_runs SET send_window = '10:00-19:00'")  # in which zone, it does not know
    await world.turn(unheard)
    assert world.windows("s1") == {"": []}
    await world.turn(world.processor("submitted", pages=await heard(world)))
    assert world.open_at("s1", NOON_MS - HOUR_MS)


async def heard(world: World) -> KnownPages:
    """What is known of pages once the source was read."""
    pages = world.known_pages(complete=False)
    await world.turn(world.processor(pages=pages))
    return pages


class TestOlderSenders:
    """While senders of the former release live, which know nothing of hours, the run processor holds as it used to."""

    @pytest.fixture
    async def world(self, world: World) -> World:
        world.redis_command("HSET", key("app"), "older_senders", "1")
        return world

    async def test_run_is_held_outside_its_hours_before_its_first_job_is_there(self, world: World) -> None:
        run = timed_run(world, "09:00-12:00")
        await world.processor().poll()
        assert (await world.facts(run)).held_by == ["window"]
        world.now_ms -= 60_000
        await world.turn()
        assert (await world.facts(run)).held_by == []
        world.now_ms += 60_000
        await world.turn()
        assert (await world.facts(run)).held_by == ["window"]

    async def test_run_is_held_while_the_source_cannot_be_read(self, world: World) -> None:
        run = timed_run(world, "09:00-12:01")
        processor = world.processor()
        await world.turn(processor)
        await world.turn(processor)
        world.sql("ALTER VIEW newar_runs RENAME TO not_here")
        for minutes in (0, 1):
            world.now_ms += minutes * 60_000
            with pytest.raises(QueryRefused):
                await world.turn(processor)
            assert (await world.facts(run)).held_by == ["window"] * minutes

    async def test_their_hold_is_let_go_when_the_last_of_them_is_gone(self, world: World) -> None:
        run = timed_run(world, "09:00-12:00")
        processor = world.processor()
        await world.turn(processor)
        assert (await world.facts(run)).held_by == ["window"]
        world.redis_command("HDEL", key("app"), "older_senders")
        await world.turn(processor)
        assert (await world.facts(run)).held_by == []
        assert not world.open_at(run, NOON_MS)
