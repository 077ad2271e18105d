"""What the commands that steer a run work at: the log database and the queue. The queue alone is enough to act."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
import trio
import typer

from ops.board.log_query import query
from ops.commands.run.view import RunView, read_runs, sql
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed, explain
from ops.shell.output import print_json
from ops.shell.person import who
from ops.shell.service import run_once
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from sender.queue.run_queue import RunQueue

T = TypeVar("T")

ANSWER_WITHIN_S = 60.0
FOLLOWS_WITHIN_S = 15.0
"""How long a command waits for the log database when the queue has done already what was wanted."""


class _RunSettings(RedisSettings, LogDatabaseSettings):
    """The queue and the registry."""


class Desk:
    """The log database and the queue, for one command."""

    def __init__(self, url: str, queue: RunQueue) -> None:
        self.url = url
        self.queue = queue

    async def find(self, run_id: str) -> RunView:
        """Return one run.

        Raises:
            CommandFailed: nobody knows it.
        """
        found = await read_runs(self.url, self.queue, run_id=run_id)
        if not found:
            raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken or submitted")
        return found[0]

    async def steer_submitted(self, run_id: str, what: str, status: str, *before: str) -> bool:
        """Change the status of a submitted run's row, if it is one of `before`; the run processor follows it.

        `what`: the act, for the audit trail of a run that was not taken yet.
        """
        params = {"run_id": run_id, "what": what, "status": status, "from": list(before), "who": who()}
        return bool(await query(self.url, sql("steer_submitted"), params))

    async def follows(self, work: Awaitable[bool], *, done: bool) -> bool:
        """Let the log database follow. When the queue has done the act, one that is away does not make it fail."""
        try:
            with trio.fail_after(FOLLOWS_WITHIN_S):
                return await work
        except (psycopg.Error, OSError, trio.TooSlowError) as exc:
            if not done:
                raise
            for line in explain(exc):
                typer.echo(f"newar: {line}", err=True)
            typer.echo("newar: done in the queue, not noted in the log database; repeat it when that is back", err=True)
            return False

    async def refuse(self, run_id: str, wanted: str) -> CommandFailed:
        """Say why a run could not be changed."""
        run = await self.find(run_id)
        if run.state == RunState.QUEUE_LOST:
            return CommandFailed(f"run {run_id} cannot be {wanted}: {run.reason}")
        return CommandFailed(f"run {run_id} cannot be {wanted}: it is {run.state}")


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


def change(run_id: str, done: str, act: Callable[[Desk], Awaitable[bool]], as_json: bool, **more: Any) -> None:
    """Do something to a run and say so; `more` goes into the JSON.

    Raises:
        CommandFailed: it could not be done.
    """

    async def changing(desk: Desk) -> None:
        if not await act(desk):
            raise await desk.refuse(run_id, done)

    ask(changing)
    if as_json:
        print_json({"run_id": run_id, "done": done, **more})
    else:
        typer.echo(f"run {run_id}: {done}")
