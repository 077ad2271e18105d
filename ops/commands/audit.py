"""`newar audit`: what people did, as the log database and Redis know it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import trio
import typer

from ops.board.audit.audit_question import BY, AuditQuestion
from ops.board.audit.audit_trail import Act, AuditAnswer, AuditTrail
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.service import run_once
from ops.shell.times import since as since_when
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings

commands = typer.Typer()

ANSWER_WITHIN_S = 15.0


class By(StrEnum):
    """Whose acts are asked for."""

    PEOPLE = "people"
    RULES = "rules"
    ALL = "all"


class _AuditSettings(RedisSettings, LogDatabaseSettings):
    """Where entries wait, and where they stay."""


@commands.command(epilog=example("newar audit --since 3d --target 104512345678901"))
def audit(
    since: Annotated[
        datetime | None,
        typer.Option(parser=since_when, metavar="TIME|MOMENT", help="Such as 2h, 3d or 2026-11-22T09:30:00Z."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=since_when, metavar="TIME|MOMENT", help="Only what was before it.")
    ] = None,
    who: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this person or key did.")] = None,
    what: Annotated[str | None, typer.Option(metavar="WORDS", help='Only such acts: run, "run pause".')] = None,
    target: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was done to this run, page or user.")
    ] = None,
    by: Annotated[
        By, typer.Option(help="Whose acts: people's, what rules, the source and missing senders did to runs, or all.")
    ] = By.PEOPLE,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List what people did, newest first: who paused, cancelled, changed what, signed in, or was refused.

    An act is noted at once, also while the log database is away; the run processor carries it there, where it is kept
    for 400 days. What still waits is listed too, and marked.
    """
    settings = load_checked(_AuditSettings)
    question = AuditQuestion(by_person=BY[by], since=since, until=until, who=who, what=what, target=target)
    trail = run_once(lambda: _read(settings, question, limit))
    if as_json:
        print_json(trail)
    else:
        columns = ["WHEN", "WHO", "WHAT", "TARGET", "DETAIL", ""]
        print_table(columns, [(*_cells(act), "not in the log yet" if act.waiting else "") for act in trail.acts])
        if trail.waiting:
            typer.echo(f"{trail.waiting} acts wait in Redis for the run processor to carry them into the log database.")
    for line in trail.missing:
        typer.echo(f"newar: {line}", err=True)
    if trail.missing:
        raise typer.Exit(1)


async def _read(settings: _AuditSettings, question: AuditQuestion, limit: int) -> AuditAnswer:
    redis = open_redis(settings.redis_url.get_secret_value())
    trail = AuditTrail(redis, settings.log_database_url.get_secret_value(), within_s=ANSWER_WITHIN_S)
    try:
        return await trail.read(question, limit)
    finally:
        with trio.move_on_after(1, shield=True):
            await trail.close()
            await aio(redis.aclose)


def _cells(act: Act) -> tuple[object, ...]:
    return act.at, act.who, act.what, act.target, act.detail
