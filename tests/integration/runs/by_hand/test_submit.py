"""Submitting a file: all of it or nothing, and then the way of every run."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest

from schema.runtime.asyncio_door import aio
from sender.runs.by_hand.errors import BadFile, RunUnusable
from sender.runs.by_hand.submit import SubmittedRun, submit
from tests.integration.listed_runs import by_id
from tests.integration.runs.world import World, open_world

RUN = SubmittedRun(run_id="s1", page_id="100", page_access_token="secret-token", message={"text": "Hi {{name|you}}"})


@pytest.fixture
async def world(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    async with open_world(log_database_url, redis_url) as opened:
        yield opened


async def submitted(world: World, file: Any, run: SubmittedRun = RUN) -> int:
    return (await aio(submit, world.url, file, run, world.box, "ana")).recipients


async def test_submitted_file_goes_the_way_of_every_run(world: World, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "\ufeffrecipient_id,name,last_interaction_at\n2,Bob,\n1,Ann,2026-11-22T09:30:00Z\n2,Bob,\n", "utf-8"
    )
    assert await submitted(world, file) == 3
    await world.turn(world.processor("submitted"))
    assert [(job.recipient_id, job.variables) for job in world.jobs("s1")] == [
        ("1", {"name": "Ann"}),
        ("2", {"name": "Bob"}),
    ]
    row = world.registered("s1")
    assert row is not None
    assert row["source"] == "submitted"
    assert world.sql("SELECT who, what, target, detail FROM audit") == [
        ("ana", "run submit", "s1", "page 100, 3 recipients")
    ]
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"


async def test_recipients_own_time_zone_goes_with_them(world: World) -> None:
    lines = io.StringIO("recipient_id,time_zone\n1,Asia/Tokyo\n2,\n")
    await submitted(world, lines, msgspec.structs.replace(RUN, send_window="09:00-21:00"))
    await world.turn(world.processor("submitted"))
    assert (world.recipients("s1"), world.zoned_jobs("s1", "Asia/Tokyo")) == (["2"], ["1"])
    assert set(world.windows("s1") or ()) == {"", "Asia/Tokyo"}


async def test_token_is_stored_sealed(world: World) -> None:
    await submitted(world, io.StringIO("recipient_id\n1\n"))
    [stored] = world.sql("SELECT page_access_token FROM submitted_runs")
    assert stored.startswith("sealed:")
    assert world.box.open(stored) == "secret-token"


async def test_bad_lines_are_all_counted_the_first_named_and_nothing_is_stored(world: World) -> None:
    lines = ["recipient_id,name"] + ["1,Ann", "bob,Bob"] * 50
    with pytest.raises(BadFile) as caught:
        await submitted(world, io.StringIO("\n".join(lines)))
    assert caught.value.count == 50
    assert caught.value.problems[0] == "line 3: recipient_id is not a person's id (PSID): write digits only"
    assert str(caught.value).count("\n") == 20
    assert str(caught.value).endswith("and 30 more")
    assert world.sql("SELECT count(*) FROM submitted_recipients") == [0]
    assert world.sql("SELECT count(*) FROM submitted_runs") == [0]


async def test_file_without_a_recipient_is_refused(world: World) -> None:
    with pytest.raises(BadFile, match="names no recipient"):
        await submitted(world, io.StringIO("recipient_id\n"))


async def test_run_that_would_be_refused_is_refused_before_the_file_is_read(world: World) -> None:
    with pytest.raises(RunUnusable, match="never for a broadcast"):
        await submitted(
            world, Path("/nowhere"), msgspec.structs.replace(RUN, messaging_type="MESSAGE_TAG", tag="HUMAN_AGENT")
        )


async def test_refused_run_is_submitted_again_under_its_id(world: World) -> None:
    world.page("200", has_token=False)
    tokenless = msgspec.structs.replace(RUN, page_id="200", page_access_token=None)
    await submitted(world, io.StringIO("recipient_id\n1\n2\n"), tokenless)
    pages = world.known_pages(complete=True)
    await world.turn(world.processor("submitted", pages=pages))
    assert world.state("s1") == "refused"
    with pytest.raises(BadFile):
        await submitted(world, io.StringIO("recipient_id\nx\n"), RUN)
    assert world.state("s1") == "refused"
    await submitted(world, io.StringIO("recipient_id\n3\n"), RUN)
    await world.turn(world.processor("submitted"))
    assert world.recipients("s1") == ["3"]
    with pytest.raises(RunUnusable, match="taken"):
        await submitted(world, io.StringIO("recipient_id\n4\n"), RUN)


async def test_id_of_another_run_is_not_taken_again(world: World) -> None:
    world.page()
    taken = world.run("1")
    await world.turn()
    for run_id in (taken, "s1"):
        if run_id == "s1":
            await submitted(world, io.StringIO("recipient_id\n1\n"))
        with pytest.raises(RunUnusable, match="choose another"):
            await submitted(world, io.StringIO("recipient_id\n1\n"), msgspec.structs.replace(RUN, run_id=run_id))


async def test_submitted_run_can_be_paused_by_its_row(world: World) -> None:
    await submitted(world, io.StringIO('{"recipient_id": "1"}\n'))
    await world.turn(world.processor("submitted"))
    world.sql("UPDATE submitted_runs SET status = 'paused'")
    await world.turn(world.processor("submitted"))
    assert (await world.facts("s1")).held_by == ["source"]


async def test_memory_does_not_grow_with_the_file(world: World) -> None:
    class Lines(io.TextIOBase):
        """Text that is made while it is read."""

        def __init__(self, count: int) -> None:
            people = (f"{10**15 + number},Ann\n" for number in range(count))
            self.lines = chain(["recipient_id,name\n"], people)

        def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
            return next(self.lines, "")

    async def peak(run_id: str, count: int) -> int:
        tracemalloc.start()
        try:
            assert await submitted(world, Lines(count), msgspec.structs.replace(RUN, run_id=run_id)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = await peak("small", 4_000)
    assert await peak("large", 40_000) < 1.2 * small + 500_000


async def test_moments_at_the_ends_of_time_are_stored_as_ones_that_can_be_shown(world: World) -> None:
    ends = {"scheduled_at": datetime.min.replace(tzinfo=UTC), "expires_at": datetime.max.replace(tzinfo=UTC)}
    await submitted(world, io.StringIO("recipient_id\n1\n"), msgspec.structs.replace(RUN, **ends))
    [database] = world.sql("SELECT current_database()")
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        world.sql(f"ALTER DATABASE {database} SET timezone = '{zone}'")
        assert list(await by_id(world.url, world.client)) == ["s1"]
