"""What a poll asks of Redis does not grow with the number of runs and pages."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from sender.runs.page_facts import PageBook
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
    processor = world.processor(pages=PageBook(world.queue, world.box, complete=True))
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
