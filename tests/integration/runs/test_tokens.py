"""Which of a page's tokens counts when its own row, the source's runs and submitted runs bring different ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.runs.known_pages import KnownPages
from sender.runs.processor import RunProcessor
from tests.integration.runs.world import World, open_world


@pytest.fixture
async def world(asyncio_loop: object, log_database_url: str, redis_url: str) -> AsyncIterator[World]:
    """Only runs bring tokens: the source's bring `secret-token`, submitted ones `token`."""
    async with open_world(log_database_url, redis_url) as opened:
        opened.page()
        opened.sql("DROP VIEW newar_pages")
        yield opened


def processors(world: World) -> tuple[RunProcessor, RunProcessor]:
    """The source's and the one of submitted runs, as a service that has just started has them."""
    book = world.known_pages(complete=False)
    return world.processor(pages=book), world.processor("submitted", pages=book)


def token(world: World) -> tuple[str, str]:
    """The page's token in the queue, and how many it has had."""
    page = world.page_in_queue()
    return world.box.open(page["token"]), page["token_version"]


async def test_token_of_the_sources_run_counts_and_stays_over_polls_and_restarts(world: World) -> None:
    world.run("1")
    world.submitted_run("s1", "1")
    source, submitted = processors(world)
    for processor in (source, submitted, source, submitted):
        await world.turn(processor)
    assert token(world) == ("secret-token", "1")
    source, submitted = processors(world)
    for processor in (submitted, source, submitted):
        await world.turn(processor)
    assert token(world) == ("secret-token", "1")
    assert world.recipients("s1") == ["1"]


async def test_submitted_run_taken_before_the_source_is_heard_does_not_change_the_token(world: World) -> None:
    world.run("1")
    await world.turn()
    world.submitted_run("s1", "1")
    await world.turn(processors(world)[1])
    assert (world.recipients("s1"), token(world)) == (["1"], ("secret-token", "1"))


async def test_submitted_run_that_brings_the_only_token_is_sent_with_it(world: World) -> None:
    world.submitted_run("s1", "1")
    source, submitted = processors(world)
    await world.turn(submitted)
    await world.turn(source)
    assert (world.recipients("s1"), token(world)) == (["1"], ("token", "1"))
    world.sql("UPDATE submitted_runs SET page_access_token = 'renewed'")
    await world.turn(submitted)
    assert token(world) == ("renewed", "2")


async def test_of_the_sources_runs_the_one_changed_last_brings_the_token(world: World) -> None:
    views = (
        "CREATE OR REPLACE VIEW newar_runs AS SELECT b.id::text AS run_id, b.page_id, b.id::text AS page_access_token"
    )
    world.sql("DROP VIEW newar_runs")
    world.sql(
        f"{views}, message, 'UPDATE' AS messaging_type, NULL AS tag, NULL AS notification_type, status, scheduled_at, "
        "expires_at, send_window, NULL AS priority, NULL AS on_unknown, updated_at FROM broadcasts b"
    )
    newest, old = world.run("1"), world.run("2")
    world.change(old, updated_at="2026-01-01")
    await world.turn()
    later = world.run("3")
    world.change(later, updated_at="2026-01-02")
    processor = world.processor()
    await world.turn(processor)
    await world.turn(processor)
    assert token(world) == (newest, "1")


async def test_run_moved_to_another_page_after_it_was_taken_does_not_bring_that_pages_token(world: World) -> None:
    world.sql("INSERT INTO pages VALUES ('200', 'Another page', 'another-secret')")
    moved = world.run("1")
    world.run("2")
    await world.turn()
    world.change(moved, page_id="200", updated_at="2027-01-01")
    await world.turn()
    assert token(world) == ("secret-token", "1")


class HeardMeanwhile(PageQueue):
    """Another run processor stores the source's token right behind our first look."""

    looked = False

    async def with_token(self, page_ids: list[str]) -> set[str]:
        found = await super().with_token(page_ids)
        if not self.looked:
            self.looked = True
            await self.set_page(PageFacts(page_id="100", sealed_token="sealed:of-the-source"))
        return found


async def test_a_token_that_another_processor_stores_meanwhile_is_left_alone(world: World, redis_url: str) -> None:
    redis = open_redis(redis_url)
    pages = KnownPages(HeardMeanwhile(redis), world.box, complete=False)
    pages.replace_tokens("submitted", {"100": "of-a-submitted-run"})
    await pages.send(["100"], "epoch")
    assert world.page_in_queue()["token"] == "sealed:of-the-source"
    await aio(redis.aclose)
