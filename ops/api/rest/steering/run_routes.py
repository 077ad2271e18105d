"""Steering a run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from ops.acts import run_acts
from ops.acts.run_acts import RunDone
from ops.api.door.problems import BadParameter
from ops.api.rest.steering.act_route import ActRoute, Asked, Body, Nothing

RUN = "/api/v1/runs/<path:run_id>"
_LONGEST_S = 3650 * 86400


class Extension(Body, frozen=True, kw_only=True):
    """How much later a run is to expire: one of the two."""

    by_s: Annotated[float, Meta(ge=0.001, le=_LONGEST_S)] | None = None
    """So many seconds later than now set."""
    until: datetime | None = None
    """At this moment, with its time zone."""


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
    ActRoute(f"{RUN}/extend", "Let a run expire later", Extension, RunDone, _extend),
)
