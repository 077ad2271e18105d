"""What commands about runs work at: the log database and the queue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio
import typer

from ops.acts.run_acts import RunDone
from ops.acts.run_desk import RunDesk
from ops.board.history import History, HistoryUnreachable
from ops.board.reading import QueueReader, QueueUnreachable
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.run_answers import RunAnswer, RunDetail
from ops.board.runs.run_book import Found, RunBook
from ops.board.suppressions import BadFilter
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

    def __init__(self, url: str, queue: RunQueue, book: RunBook) -> None:
        self.url = url
        self.queue = queue
        self.runs = RunDesk(queue, url)
        """What acts on runs take."""
        self.book = book

    async def find(self, run_id: str) -> RunAnswer:
        """Return one run, and say on stderr who could not be asked of it.

        Raises:
            CommandFailed: nobody knows it.
        """
        return (await self._found(run_id))[0]

    async def detail(self, run_id: str) -> RunDetail:
        """Return one run with whom it did not reach. As `find`."""
        return await self.book.detail(*await self._found(run_id))

    @property
    def lacks_a_part(self) -> bool:
        """Whether something could not be asked of what was found: then a command ends with 1."""
        return bool(self.book.troubles)

    def tell_away(self) -> None:
        """Say, on stderr, who could not be asked: what only they know is shown as unknown."""
        for trouble in self.book.troubles.values():
            typer.echo(f"newar: {trouble}: what is known only there is shown as unknown", err=True)

    async def _found(self, run_id: str) -> tuple[RunAnswer, Found]:
        found = await self.book.one(run_id)
        if found.run is None and self.book.troubles:
            raise CommandFailed(
                f"it is not known whether there is a run {run_id}: {', '.join(self.book.troubles.values())}"
            )
        self.tell_away()
        if found.run is None:
            raise CommandFailed(f"no run has the id {run_id}: newar run list shows those taken or submitted")
        return found.run, found


@asynccontextmanager
async def _open_desk(settings: _RunSettings) -> AsyncIterator[Desk]:
    redis = open_redis(settings.redis_url.get_secret_value())
    url = settings.log_database_url.get_secret_value()
    history, reader = History(url, ANSWER_WITHIN_S / 4), QueueReader(redis)

    async def newest() -> Holding:
        return Holding(await reader.read())

    try:
        yield Desk(url, RunQueue(redis), RunBook(history, reader, RunRates(), newest))
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)
            await history.close()


def ask(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Return what `work` finds out or does at a desk."""
    settings = load_checked(_RunSettings)

    async def asking() -> T:
        with trio.fail_after(ANSWER_WITHIN_S):
            async with _open_desk(settings) as desk:
                try:
                    return await work(desk)
                except (QueueUnreachable, HistoryUnreachable, BadFilter) as exc:
                    raise CommandFailed(str(exc)) from exc

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
