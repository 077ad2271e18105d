"""What commands about runs work at: the log database and the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
import typer

from ops.acts.run_acts import RunDone
from ops.acts.run_desk import RunDesk
from ops.commands.run.view import RunView, read_runs
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import print_json
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from sender.queue.run_queue import RunQueue

T = TypeVar("T")

ANSWER_WITHIN_S = 60.0


class _RunSettings(RedisSettings, LogDatabaseSettings):
    """The queue and the registry."""


class Desk:
    """The log database and the queue, for one command."""

    def __init__(self, url: str, queue: RunQueue) -> None:
        self.url = url
        self.queue = queue
        self.runs = RunDesk(queue, url)
        """What acts on runs take."""

    async def find(self, run_id: str) -> RunView:
        """Return one run.

        Raises:
            CommandFailed: nobody knows it.
        """
        found = await read_runs(self.url, self.queue, run_id=run_id)
        if not found:
            raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken or submitted")
        return found[0]


@asynccontextmanager
async def _open_desk(settings: _RunSettings) -> AsyncIterator[Desk]:
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        yield Desk(settings.log_database_url.get_secret_value(), RunQueue(redis))
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)


def ask(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Return what `work` finds out or does at a desk."""
    settings = load_checked(_RunSettings)

    async def asking() -> T:
        with trio.fail_after(ANSWER_WITHIN_S):
            async with _open_desk(settings) as desk:
                return await work(desk)

    return run_once(asking)


def tell(done: RunDone, as_json: bool) -> None:
    """Print what was done to a run."""
    print_notes(done)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"run {done.run_id}: {done.done}")


def print_notes(done: RunDone) -> None:
    """Print, on stderr, what a person must be told of it."""
    for line in done.notes:
        typer.echo(f"newar: {line}", err=True)
