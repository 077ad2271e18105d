"""`newar audit`: what people did, as the log database and Redis know it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib.resources import files
from typing import Annotated, TypeVar

import msgspec
import psycopg
import trio
import typer
from psycopg.rows import DictRow
from redis.exceptions import RedisError

from ops.board.log_query import query
from ops.settings.checked import load_checked
from ops.shell.exits import explain
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.service import run_once
from ops.shell.times import since as since_when
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from sender.queue.audit_stream import AuditStream

T = TypeVar("T")

commands = typer.Typer()

ANSWER_WITHIN_S = 15.0
_AWAY = (psycopg.Error, RedisError, OSError, trio.TooSlowError)


class _AuditSettings(RedisSettings, LogDatabaseSettings):
    """Where entries wait, and where they stay."""


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did."""

    at: datetime
    who: str
    what: str
    target: str
    detail: str
    stream_id: str | None
    waiting: bool
    """Whether it is still on its way into the log database."""


class Trail(msgspec.Struct, frozen=True, kw_only=True):
    """The newest acts, newest first."""

    acts: list[Act]
    waiting: int | None
    """Entries in Redis, of any age and target; None: Redis did not say."""


@commands.command(epilog=example("newar audit --since 3d --target 104512345678901"))
def audit(
    since: Annotated[
        datetime | None,
        typer.Option(parser=since_when, metavar="TIME|MOMENT", help="Such as 2h, 3d or 2026-11-22T09:30:00Z."),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="ID", help="Only what was done to this run or page.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what people did, newest first: who paused, resumed, cancelled, extended or changed what.

    An act is noted at once, also while the log database is away; the run processor carries it there, where it is kept
    for 400 days. What still waits is listed too, and marked.
    """
    settings = load_checked(_AuditSettings)
    problems: list[BaseException] = []
    trail = run_once(lambda: _read(settings, since, target, limit, problems))
    if as_json:
        print_json(trail)
    else:
        columns = ["WHEN", "WHO", "WHAT", "TARGET", "DETAIL", ""]
        print_table(columns, [(*_cells(act), "not in the log yet" if act.waiting else "") for act in trail.acts])
        if trail.waiting:
            typer.echo(f"{trail.waiting} acts wait in Redis for the run processor to carry them into the log database.")
    for line in (line for problem in problems for line in explain(problem)):
        typer.echo(f"newar: {line}", err=True)
    if problems:
        raise typer.Exit(1)


async def _read(
    settings: _AuditSettings, since: datetime | None, target: str | None, limit: int, problems: list[BaseException]
) -> Trail:
    """Ask both; what does not answer is a problem, and the other's part is shown all the same."""
    url, params = settings.log_database_url.get_secret_value(), {"since": since, "target": target, "limit": limit}
    statement = files("ops.commands").joinpath("sql", "audit.sql").read_text("utf-8")
    nothing: tuple[list[Act], int | None] = ([], None)
    waiting, count = await _answer(lambda: _waiting(settings, since, target), nothing, problems)
    no_rows: list[DictRow] = []
    rows = await _answer(lambda: query(url, statement, params), no_rows, problems)
    kept = [Act(**row, waiting=False) for row in rows]
    known = {act.stream_id for act in kept}
    acts = [*(act for act in waiting if act.stream_id not in known), *kept]
    return Trail(acts=sorted(acts, key=lambda act: act.at, reverse=True)[:limit], waiting=count)


async def _answer(ask: Callable[[], Awaitable[T]], otherwise: T, problems: list[BaseException]) -> T:
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await ask()
    except _AWAY as exc:
        problems.append(exc)
        return otherwise


async def _waiting(
    settings: _AuditSettings, since: datetime | None, target: str | None
) -> tuple[list[Act], int | None]:
    redis = open_redis(settings.redis_url.get_secret_value())
    try:
        stream = AuditStream(redis)
        entries = await stream.newest(1000)
        acts = [Act(**msgspec.structs.asdict(entry), waiting=True) for entry in entries]
        wanted = [a for a in acts if (since is None or a.at >= since) and target in (None, a.target)]
        return wanted, await stream.waiting()
    finally:
        with trio.move_on_after(1, shield=True):
            await aio(redis.aclose)


def _cells(act: Act) -> tuple[object, ...]:
    return act.at, act.who, act.what, act.target, act.detail
