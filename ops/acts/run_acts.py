"""Pausing, resuming, cancelling and extending a run. The queue comes first, and the log database follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from ops.acts.not_done import ActRefused
from ops.acts.run_desk import RunDesk, sql
from ops.board.log_query import query
from schema.event import at_us
from schema.run import RunState
from schema.text import Figure
from sender.queue.run_queue import RunFacts

OPERATOR = "operator"
_RUNNING = (RunState.ENQUEUING, RunState.ACTIVE)


class RunDone(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done to a run."""

    run_id: str
    done: str
    left: int | None = None
    """Its recipients without a final outcome; not there: the queue does not know the run."""
    expires_at: datetime | None = None
    """Of a run that was extended: when it expires now."""
    notes: list[str] = []
    """What a person must be told, such as that the log database was away and did not follow."""


async def pause_run(desk: RunDesk, run_id: str, who: str) -> RunDone:
    """Stop sending a run until it is resumed; what is in flight ends as it ends.

    Raises (as the next two):
        ActRefused: it has ended.
        NoSuch: nobody knows it.
        redis.RedisError, psycopg.Error, OSError: what knows the run is away; nothing was done.
    """
    done = await desk.queue.hold(run_id, OPERATOR, who=who)
    left = await _left(desk, run_id)
    if not done and left is None:
        done = await desk.steer_submitted(run_id, "run pause", "paused", "queued", "paused", who=who)
    if not done:
        raise await desk.refusal(run_id, "paused")
    return RunDone(run_id=run_id, done="paused", left=left)


async def resume_run(desk: RunDesk, run_id: str, who: str) -> RunDone:
    """Undo a pause made by hand, or the brake of a rule, which then counts anew."""
    done = await desk.queue.let_go(run_id, OPERATOR, who=who)
    row = desk.steer_submitted(run_id, "run resume", "queued", "paused", who=who)
    followed = await desk.follows(row, done=done)
    if not done and not followed.changed:
        raise await desk.refusal(run_id, "resumed")
    return RunDone(run_id=run_id, done="resumed", left=await _left(desk, run_id), notes=followed.notes)


async def cancel_run(desk: RunDesk, run_id: str, who: str) -> RunDone:
    """End a run for good: every recipient left ends as cancelled."""
    left = await _left(desk, run_id)
    done = await desk.queue.cancel(run_id, who=who)
    if not done and left is not None:
        raise await desk.refusal(run_id, "cancelled")
    row = desk.steer_submitted(run_id, "run cancel", "cancelled", "queued", "paused", who=who)
    followed = await desk.follows(row, done=done)
    if not done and not followed.changed:
        raise await desk.refusal(run_id, "cancelled")
    return RunDone(run_id=run_id, done="cancelled", left=left, notes=followed.notes)


async def extend_run(
    desk: RunDesk, run_id: str, who: str, *, by: timedelta | None = None, until: datetime | None = None
) -> RunDone:
    """Let a run expire later: by so long, or at this moment. The same moment once more changes nothing.

    Raises:
        ActRefused: it has ended, that would not be later, or it was changed at the same moment.
        NoSuch: nobody knows it.
    """
    facts = (await desk.queue.facts([run_id])).get(run_id)
    if facts is None or facts.state not in _RUNNING:
        raise await desk.refusal(run_id, "extended")
    later = _later(facts, by, until)
    if facts.expires_at_ms < _ms(later) and not await desk.queue.extend(run_id, _ms(later), who=who):
        raise ActRefused("run %(run)s ended or was changed at the same moment: newar run show %(run)s", run=run_id)
    followed = await desk.follows(_register(desk, run_id, later), done=True)
    return RunDone(run_id=run_id, done="extended", left=facts.left, expires_at=later, notes=followed.notes)


async def _left(desk: RunDesk, run_id: str) -> int | None:
    facts = (await desk.queue.facts([run_id])).get(run_id)
    return facts.left if facts else None


def _later(facts: RunFacts, by: timedelta | None, until: datetime | None) -> datetime:
    expires_at = at_us(facts.expires_at_ms * 1000)
    try:
        later = expires_at + by if by is not None else until
    except OverflowError:
        later = None
    if later is None or later < expires_at or later <= datetime.now(UTC):
        raise ActRefused(
            "run %(run)s expires at %(moment)s as it is: write a later moment that has not passed, or "
            "newar run cancel %(run)s to end it",
            run=facts.run_id,
            moment=Figure(expires_at, "%Y-%m-%dT%H:%M:%SZ"),
        )
    return later


async def _register(desk: RunDesk, run_id: str, later: datetime) -> bool:
    if desk.log_url is None:
        return False
    return bool(await query(desk.log_url, sql("extend"), {"run_id": run_id, "until": later}))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
