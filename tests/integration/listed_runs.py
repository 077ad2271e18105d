"""Runs as API and commands list them, read from the servers of a test."""

from __future__ import annotations

from typing import Any

import trio
from redis.asyncio import Redis

from ops.board.history import History
from ops.board.reading import QueueReader
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.run_answers import RunAnswer, RunsAnswer
from ops.board.runs.run_book import RunBook
from ops.board.runs.wanted_runs import wanted_runs


async def listed(url: str, redis: Redis, limit: int = 100, **wanted: Any) -> RunsAnswer:
    """Return what a list shows; `wanted`: as of `wanted_runs`."""
    history, reader = History(url), QueueReader(redis)

    async def newest() -> Holding:
        return Holding(await reader.read())

    try:
        return await RunBook(history, reader, RunRates(), newest).listed(wanted_runs(**wanted), limit)
    finally:
        with trio.move_on_after(1, shield=True):
            await history.close()


async def by_id(url: str, redis: Redis) -> dict[str, RunAnswer]:
    """Return the newest runs by their ids."""
    return {run.run_id: run for run in (await listed(url, redis)).runs}
