"""What acts on runs work at: the queue and the log database. The queue alone is enough to stop something."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from importlib.resources import files
from typing import Literal

import msgspec
import psycopg
import trio

from ops.acts.not_done import ActRefused, NoSuch
from ops.board.log_query import query
from ops.shell.said import explain
from schema.run import RunState
from schema.text import N_, Text
from sender.queue.run_queue import RunQueue

FOLLOWS_WITHIN_S = 1.5
"""How long an act waits for the log database when the queue has said already what there is to say."""
Wanted = Literal["paused", "resumed", "cancelled", "extended"]
_CANNOT: dict[Wanted, str] = {
    "paused": N_("run %(run)s cannot be paused: %(why)s"),
    "resumed": N_("run %(run)s cannot be resumed: %(why)s"),
    "cancelled": N_("run %(run)s cannot be cancelled: %(why)s"),
    "extended": N_("run %(run)s cannot be extended: %(why)s"),
}
_IT_IS = {
    "enqueuing": N_("it is enqueuing"),
    "active": N_("it is active"),
    "paused": N_("it is paused"),
    "cancelled": N_("it is cancelled"),
    "expired": N_("it is expired"),
    "finished": N_("it is finished"),
    "refused": N_("it is refused"),
    "submitted": N_("it is submitted"),
}
"""By state."""
NOT_NOTED = "done in the queue, not noted in the log database; repeat it when that is back"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What decides whether something can be done to a run, and who may do it."""

    page_id: str
    state: str
    """As `newar run show` says it, but for pauses."""
    reason: str | None = None


class Followed(msgspec.Struct, frozen=True):
    """How far the log database followed the queue."""

    changed: bool
    notes: list[str]
    """What a person must be told of it; empty: nothing."""


def unknown_run(run_id: str) -> NoSuch:
    """Return what is said of a run that nobody knows, and of one that is not for who asks."""
    return NoSuch("no run has the id %(run)s: newar run list shows those taken or submitted", run=run_id)


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.acts").joinpath("sql", f"{name}.sql").read_text("utf-8")


class RunDesk:
    """Methods are Trio coroutines. Errors: redis.RedisError, psycopg.Error, OSError.

    Args:
        queue: the runs that were taken.
        log_url: the log database, which has the others too; None: it is not known here.
    """

    def __init__(self, queue: RunQueue, log_url: str | None) -> None:
        self.queue = queue
        self.log_url = log_url

    async def page_of(self, run_id: str) -> str:
        """Return whose run this is: as the queue knows, or else the registry, or else what was submitted.

        Raises:
            NoSuch: nobody knows it.
        """
        if known := await self.queue.glance([run_id]):
            return known[run_id].page_id
        return (await self.registered(run_id)).page_id

    async def registered(self, run_id: str) -> Standing:
        """Return what the log database knows of a run.

        Raises:
            NoSuch: nothing.
        """
        url = self.log_url if "\0" not in run_id else None  # no text in Postgres holds one
        rows = await query(url, sql("run_standing"), {"run_id": run_id}) if url else []
        if not rows:
            raise unknown_run(run_id)
        return Standing(**rows[0])

    async def steer_submitted(self, run_id: str, what: str, status: str, *before: str, who: str) -> bool:
        """Change the status of a submitted run's row, if it is one of `before`; the run processor follows it.

        `what`: the act, for the audit trail of a run that was not taken yet.
        """
        if self.log_url is None:
            return False
        params = {"run_id": run_id, "what": what, "status": status, "from": list(before), "who": who}
        return bool(await query(self.log_url, sql("steer_submitted"), params))

    async def follows(self, work: Awaitable[bool], *, done: bool) -> Followed:
        """Let the log database follow. When the queue has done the act, one that is away does not make it fail."""
        try:
            with trio.fail_after(FOLLOWS_WITHIN_S):
                return Followed(await work, [])
        except (psycopg.Error, OSError, trio.TooSlowError) as exc:
            if not done:
                raise
            return Followed(False, [*explain(exc), NOT_NOTED])

    async def refusal(self, run_id: str, wanted: Wanted) -> ActRefused:
        """Return why a run could not be changed.

        Raises:
            NoSuch: nobody knows it.
        """
        facts = (await self.queue.facts([run_id])).get(run_id)
        try:
            with trio.fail_after(FOLLOWS_WITHIN_S if facts else math.inf):
                run = await self.registered(run_id)
        except (psycopg.Error, OSError, NoSuch, trio.TooSlowError):
            if facts is None:
                raise
            run = Standing(page_id=facts.page_id, state=facts.state)
        if run.state == RunState.QUEUE_LOST:
            return ActRefused(_CANNOT[wanted], run=run_id, why=Text(str(run.reason)))
        state = facts.state if facts else run.state
        return ActRefused(_CANNOT[wanted], run=run_id, why=Text(_IT_IS.get(state, f"it is {state}")))
