"""What a poll asks of Redis does not grow with the number of runs and pages."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from tests.integration.runs.world import World


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commands that were sent to Redis."""
    sent: list[str] = []
    for client in (Redis, Pipeline):
        original = client.execute_command

        def execute(self: Any, *args: Any, _original: Any = original, **options: Any) -> Any:
            sent.append(str(args[0]))
            return _original(self, *args, **options)

        monkeypatch.setattr(client, "execute_command", execute)
    return sent


async def test_a_poll_and_the_books_ask_redis_as_often_for_many_runs_and_pages_as_for_few(
    world: World, commands: list[str]
) -> None:
    processor = world.processor(pages=world.known_pages(complete=True))
    asked = []
    for first, last in ((300, 303), (303, 360)):
        for page in range(first, last):
            world.page(str(page))
            world.change(world.run("1", page_id=str(page)), send_window="00:00-24:00")
        await world.turn(processor)
        await world.keep_books()
        await processor.poll()
        commands.clear()
        await processor.poll()
        await world.keep_books()
        asked.append(list(commands))
    assert asked[0] == asked[1]


async def test_pages_that_may_wait_for_the_source_are_asked_for_together(world: World, commands: list[str]) -> None:
    for page in range(300, 340):
        world.page(str(page))
        run_id = f"s{page}"
        world.submitted_run(run_id, "1")
        world.sql("UPDATE submitted_runs SET page_id = %s WHERE run_id = %s", str(page), run_id)
    await world.turn(world.processor("submitted"))
    unheard = world.processor("submitted", pages=world.known_pages(complete=False))
    commands.clear()
    await unheard.poll()
    assert len(commands) <= 5
