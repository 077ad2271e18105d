"""`newar run list | show | pause | resume | cancel`: runs by hand. The other commands have files of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, TypeVar

import msgspec
import trio
import typer

from ops.api.answers import NotReached
from ops.api.log_query import query
from ops.api.not_reached import read_not_reached
from ops.commands.run.failures import list_failures
from ops.commands.run.recover import recover_run
from ops.commands.run.retry import retry_run
from ops.commands.run.run_id import RunId
from ops.commands.run.submit import submit_run
from ops.commands.run.view import RunView, read_runs, sql
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.service import run_once
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from sender.queue.run_queue import RunQueue

T = TypeVar("T")

commands = typer.Typer(help="Runs by hand.", no_args_is_help=True)
commands.command("submit", epilog=example("newar run submit people.csv --page 104512345678901 --message hello.json"))(
    submit_run
)

ANSWER_WITHIN_S = 60.0
_OPERATOR = "operator"


class _RunSettings(RedisSettings, LogDatabaseSettings):
    """The queue and the registry."""


@commands.command("list", epilog=example("newar run list --limit 20"))
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50, as_json: AsJson = False
) -> None:
    """List the newest runs, newest first, with their state and progress."""
    runs = _ask(lambda desk: read_runs(desk.url, desk.queue, limit=limit))
    if as_json:
        print_json(runs)
        return
    columns = ["RUN", "PAGE", "STATE", "PROGRESS", "RECIPIENTS", "SENT", "OTHERS", "TAKEN", "FINISHED"]
    print_table(columns, [_row(run) for run in runs])


@commands.command(epilog=example("newar run show 7d9f2c"))
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run's state, counts and progress, and who did not get its message and why."""

    async def read(desk: Desk) -> tuple[RunView, list[NotReached]]:
        return await desk.find(run_id), await read_not_reached(desk.url, run_id)

    run, missed = _ask(read)
    if as_json:
        print_json({**msgspec.structs.asdict(run), "not_reached": missed})
    else:
        _print_run(run, missed)


@commands.command(epilog=example("newar run pause 7d9f2c"))
def pause(run_id: RunId, as_json: AsJson = False) -> None:
    """Stop sending a run until it is resumed; what is in flight ends as it ends."""

    async def hold(desk: Desk) -> bool:
        taken = await desk.queue.hold(run_id, _OPERATOR)
        return taken or await desk.steer_submitted(run_id, "paused", "queued", "paused")

    _change(run_id, "paused", hold, as_json)


@commands.command(epilog=example("newar run resume 7d9f2c"))
def resume(run_id: RunId, as_json: AsJson = False) -> None:
    """Undo a pause made by hand. A run that its source or its hours hold stays held by them."""

    async def let_go(desk: Desk) -> bool:
        waiting = await desk.steer_submitted(run_id, "queued", "paused")
        return await desk.queue.let_go(run_id, _OPERATOR) or waiting

    _change(run_id, "resumed", let_go, as_json)


@commands.command(epilog=example("newar run cancel 7d9f2c"))
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """End a run for good: every recipient left ends as cancelled. This cannot be undone."""

    async def end(desk: Desk) -> bool:
        waiting = await desk.steer_submitted(run_id, "cancelled", "queued", "paused")
        return await desk.queue.cancel(run_id) or waiting

    _change(run_id, "cancelled", end, as_json)


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

    async def steer_submitted(self, run_id: str, status: str, *before: str) -> bool:
        """Change the status of a submitted run's row, if it is one of `before`; the run processor follows it."""
        params = {"run_id": run_id, "status": status, "from": list(before)}
        return bool(await query(self.url, sql("steer_submitted"), params))

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


def _ask(work: Callable[[Desk], Awaitable[T]]) -> T:
    settings = load_checked(_RunSettings)

    async def asking() -> T:
        with trio.fail_after(ANSWER_WITHIN_S):
            async with _open_desk(settings) as desk:
                return await work(desk)

    return run_once(asking)


def _change(run_id: str, done: str, change: Callable[[Desk], Awaitable[bool]], as_json: bool) -> None:
    async def changing(desk: Desk) -> None:
        if not await change(desk):
            raise await desk.refuse(run_id, done)

    _ask(changing)
    if as_json:
        print_json({"run_id": run_id, "done": done})
    else:
        typer.echo(f"run {run_id}: {done}")


def _row(run: RunView) -> list[object]:
    sent = run.outcomes.get("sent", 0)
    others = run.recipients - run.left - sent
    state = f"{run.state} ({', '.join(run.held_by)})" if run.held_by else run.state
    progress = f"{run.progress:.0%}"
    return [run.run_id, run.page_id, state, progress, run.recipients, sent, others, run.taken_at, run.finished_at]


def _print_run(run: RunView, missed: list[NotReached]) -> None:
    facts = {**msgspec.structs.asdict(run), "progress": f"{run.progress:.1%}", "held_by": ", ".join(run.held_by)}
    facts["outcomes"] = ", ".join(f"{name} {count}" for name, count in run.outcomes.items() if count)
    print_table(["RUN", run.run_id], [(name, value) for name, value in facts.items() if name != "run_id" and value])
    if not missed:
        return
    typer.echo("\nNot reached, as far as the log knows:")
    columns = ["OUTCOME", "CLASS", "RECIPIENTS", "EXAMPLES"]
    print_table(columns, [(m.outcome, m.error_class, m.recipients, _examples(m)) for m in missed])


def _examples(missed: NotReached) -> str:
    text = missed.examples[0]["error_message"] if missed.examples else None
    people = ", ".join(e["recipient_id"] for e in missed.examples)
    return printable(f"{people}: {text}" if text else people)


commands.command("failures", epilog=example("newar run failures 7d9f2c --class recipient_permanent > missed.csv"))(
    list_failures
)
commands.command("retry", epilog=example("newar run retry 7d9f2c --class transient"))(retry_run)
commands.command("recover", epilog=example("newar run recover 7d9f2c"))(recover_run)
