"""Steering a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ops.acts import run_acts
from ops.acts.not_done import NotMeant
from ops.acts.run_acts import RunDone
from ops.acts.run_recovery import recover_run, untraced
from ops.acts.run_retry import retry_run
from ops.acts.run_submission import made_before
from ops.acts.run_trial import TryOut, try_out
from ops.api.door.bodies import ANYWAY
from ops.api.door.problems import BadParameter
from ops.api.door.whose_run import demand_known_run
from ops.api.rest.steering.act_route import ActRoute, Asked, Body, Nothing
from schema.outcomes import ErrorClass
from sender.runs.by_hand.retry import End, Wish

RUN = "/api/v1/runs/<path:run_id>"
_LONGEST_S = 3650 * 86400
_KNOWN_WITHIN_S = 15.0


class Extension(Body, frozen=True, kw_only=True):
    """How much later a run is to expire: one of the two."""

    by_s: Annotated[float, Meta(ge=0.001, le=_LONGEST_S)] | None = None
    """So many seconds later than now set."""
    until: datetime | None = None
    """At this moment, with its time zone."""


class Again(Body, frozen=True, kw_only=True):
    """For whom a run's message is sent again, and which."""

    classes: tuple[ErrorClass, ...] = ()
    """Whoever was not reached for one of these reasons, whatever the outcome; none: what may pass by itself. With
    `ambiguous` people get it who may have it already."""
    message: Annotated[dict[str, Any], Meta(min_length=1)] | None = None
    """Send this message instead. Whoever was not reached because of the message, or because the run was cancelled or
    expired, is chosen then too."""
    anyway: bool = False
    """Send it also where it asks for names that nobody has."""
    preview: bool = False
    """Store nothing: say who would be chosen."""


class RetryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A run for those whom another did not reach."""

    run_id: str | None
    """The new run; null: a preview."""
    parent_run_id: str
    recipients: int | None
    """At most so many get it; null: this same request has made it before, and its answer was lost."""
    classes: Sequence[str] = ()
    rows_missing: int = 0
    """Recipients whose outcome the log does not have (yet, or any more): they are not chosen."""
    never_queued: int | None = None
    """Recipients that were not in the queue yet when the run was cancelled: they are not chosen. Null: not known."""
    chosen: Sequence[End] = ()
    others: Sequence[End] = ()


class Trial(Body, frozen=True, kw_only=True):
    """Who gets one message of a run."""

    to: Annotated[str, Meta(pattern="^[0-9]{1,100}$")]
    """One of TEST_RECIPIENTS."""
    like: Annotated[str, Meta(min_length=1, max_length=100)] | None = msgspec.field(default=None, name="as")
    """Whose variables are filled in; null: their own, or those of the run's first recipient."""


class RecoveryAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a run whose queue was lost goes on."""

    run_id: str
    ended: int
    """Recipients who keep their outcome; not `complete`: at most so many."""
    held: bool
    """Whether it waits for a person, who resumes or cancels it."""
    complete: bool
    """Whether the log still has all of its days; else some may get the message again."""
    untraced_per_dead_sender: int
    """Of each sender that died with the queue, so many messages at most may go out twice."""


async def _pause(asked: Asked, _body: Nothing, run_id: str) -> RunDone:
    await asked.of_run(run_id)
    return await run_acts.pause_run(asked.desks.runs, run_id, asked.who)


async def _resume(asked: Asked, _body: Nothing, run_id: str) -> RunDone:
    await asked.of_run(run_id)
    return await run_acts.resume_run(asked.desks.runs, run_id, asked.who)


async def _cancel(asked: Asked, _body: Nothing, run_id: str) -> RunDone:
    await asked.of_run(run_id)
    return await run_acts.cancel_run(asked.desks.runs, run_id, asked.who)


async def _extend(asked: Asked, body: Extension, run_id: str) -> RunDone:
    if (body.by_s is None) == (body.until is None):
        raise BadParameter("write either by_s (seconds) or until (2026-11-22T09:30:00Z)")
    if body.until is not None and body.until.tzinfo is None:
        raise BadParameter("until has no time zone: write for example 2026-11-22T09:30:00Z")
    await asked.of_run(run_id)
    by = None if body.by_s is None else timedelta(seconds=body.by_s)
    return await run_acts.extend_run(asked.desks.runs, run_id, asked.who, by=by, until=body.until)


async def _retry(asked: Asked, body: Again, run_id: str) -> RetryAnswer:
    await asked.of_run(run_id)
    new = f"{run_id}-retry-{asked.name or token_hex(3)}"
    settings = asked.parts.settings
    if asked.name and not body.preview and await made_before(settings, new) is not None:
        return RetryAnswer(run_id=new, parent_run_id=run_id, recipients=None)
    wish = Wish(
        parent_run_id=run_id,
        run_id=new,
        classes=body.classes,
        message=body.message,
        who=asked.who,
        rules_off=settings.rules_off,
        preview=body.preview,
    )
    try:
        made = await retry_run(settings, wish, anyway=body.anyway)
    except NotMeant as exc:
        raise exc.with_hint(ANYWAY) from None
    told = {name: getattr(made, name) for name in RetryAnswer.__struct_fields__ if name != "run_id"}
    return RetryAnswer(run_id=None if body.preview else made.run_id, **told)


async def _recover(asked: Asked, _body: Nothing, run_id: str) -> RecoveryAnswer:
    await asked.of_run(run_id)
    settings = asked.parts.settings
    done = await recover_run(settings, run_id, asked.who, within_s=_KNOWN_WITHIN_S)
    return RecoveryAnswer(**msgspec.structs.asdict(done), untraced_per_dead_sender=untraced(settings))


async def _test(asked: Asked, body: Trial, run_id: str) -> TryOut:
    settings = asked.parts.settings
    await demand_known_run(asked.desks.runs, settings, run_id)
    return await try_out(settings, run_id, body.to, body.like, asked.who, within_s=_KNOWN_WITHIN_S)


_BY_OR_UNTIL = (frozenset({"by_s"}), frozenset({"until"}))
RUN_ROUTES = (
    ActRoute(
        f"{RUN}/pause",
        "Stop sending a run until it is resumed",
        Nothing,
        RunDone,
        _pause,
        "What is in flight ends as it ends. Works while the log database is away.",
    ),
    ActRoute(
        f"{RUN}/resume",
        "Undo a pause by hand, or the brake of a rule",
        Nothing,
        RunDone,
        _resume,
        "A run that its source or its hours hold stays held by them.",
    ),
    ActRoute(
        f"{RUN}/cancel",
        "End a run for good",
        Nothing,
        RunDone,
        _cancel,
        "Every recipient left ends as cancelled. This cannot be undone. Works while the log database is away.",
    ),
    ActRoute(f"{RUN}/extend", "Let a run expire later", Extension, RunDone, _extend, one_of=_BY_OR_UNTIL),
    ActRoute(
        f"{RUN}/retry",
        "Send a finished run's message, or a mended one, to those who did not get it",
        Again,
        RetryAnswer,
        _retry,
        "A new run, whose parent this one is. Nobody whom this run or a retry of it has sent to gets it again.",
    ),
    ActRoute(
        f"{RUN}/recover",
        "Send what is left of a run whose queue was lost",
        Nothing,
        RecoveryAnswer,
        _recover,
        "Only when the queue is gone for good: see newar run recover.",
    ),
    ActRoute(
        f"{RUN}/test",
        "Send one message of a run to somebody who may be tested on",
        Trial,
        TryOut,
        _test,
        "It goes past the queue and is in no figure and no log of the run, but in the audit trail.",
    ),
)
