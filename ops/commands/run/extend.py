"""`newar run extend`: more time for a run, before it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops.board.log_query import query
from ops.commands.run.desk import Desk, ask
from ops.commands.run.run_id import RunId
from ops.commands.run.view import sql
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, print_json
from ops.shell.person import who
from ops.shell.times import moment, span
from schema.event import at_us
from schema.run import RunState
from sender.queue.run_queue import RunFacts

_RUNNING = (RunState.ENQUEUING, RunState.ACTIVE)


def extend_run(
    run_id: RunId,
    by: Annotated[
        timedelta | None, typer.Option(parser=span, metavar="TIME", help="So much later than now set: 30min, 12h, 2d.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=moment, metavar="MOMENT", help="Such as 2026-11-22T09:30:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a run expire later: one that is held, or waits behind a pause, keeps its recipients meanwhile.

    Only later, and only a run that has not ended. The source's own expires_at stays as it is: it is read when a run is
    taken.
    """
    if (by is None) == (until is None):
        raise typer.BadParameter("write either --by TIME (12h) or --until MOMENT (2026-11-22T09:30:00Z)")

    async def extend(desk: Desk) -> datetime:
        facts = (await desk.queue.facts([run_id])).get(run_id)
        if facts is None or facts.state not in _RUNNING:
            raise await desk.refuse(run_id, "extended")
        later = _later(facts, by, until)
        if facts.expires_at_ms < _ms(later) and not await desk.queue.extend(run_id, _ms(later), who=who()):
            raise CommandFailed(f"run {run_id} ended or was changed at the same moment: newar run show {run_id}")
        await desk.follows(_register(desk, run_id, later), done=True)
        return later

    later = ask(extend)
    if as_json:
        print_json({"run_id": run_id, "done": "extended", "expires_at": later})
    else:
        typer.echo(f"run {run_id}: expires at {later.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")


def _later(facts: RunFacts, by: timedelta | None, until: datetime | None) -> datetime:
    """Return when the run is to expire; the same moment once more is no mistake.

    Raises:
        CommandFailed: that would not be later.
    """
    expires_at = at_us(facts.expires_at_ms * 1000)
    later = expires_at + by if by is not None else until
    if later is None or later < expires_at or later <= datetime.now(UTC):
        raise CommandFailed(
            f"run {facts.run_id} expires at {expires_at:%Y-%m-%dT%H:%M:%SZ} as it is: write a later moment that has "
            f"not passed, or newar run cancel {facts.run_id} to end it"
        )
    return later


async def _register(desk: Desk, run_id: str, later: datetime) -> bool:
    return bool(await query(desk.url, sql("extend"), {"run_id": run_id, "until": later}))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
