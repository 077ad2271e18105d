"""What a run is doing, in one word, and which of its messages may go now. Pure: the one place that decides it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from ops.board.runs.run_answers import Cause, RunStatus
from schema.run import RunState
from sender.queue.survey import Unfinished

OF_SOME = frozenset({"recipient_hours", "retry", "redis_full"})
"""Causes that hold some messages of a run; others hold all of it."""
DRAIN = "drain"
_ENDED = {"cancelled": RunStatus.CANCELLED, "expired": RunStatus.EXPIRED}
_DRAINING = (RunState.CANCELLED, RunState.EXPIRED)


class Waiting(msgspec.Struct, frozen=True):
    """Where the messages of a run are that have no final outcome yet."""

    may_go: int
    in_flight: int | None
    """None: too many are in flight for the queue to say which run's they are."""
    waits: dict[str, int]
    """Cause -> messages, none of them 0; without `retry` where `in_flight` is None."""


NOTHING = Waiting(0, 0, {})


def waiting(jobs: Unfinished, causes: Sequence[Cause], now_s: float, rate: float | None = None) -> Waiting:
    """Say which messages of a run may go now, and what the others wait for.

    Args:
        jobs: where they are.
        causes: what holds the run, the strongest first.
        now_s: Redis's clock.
        rate: messages a second that a throttled page lets through: what is beyond a second's worth waits for that.
    """
    zones = [(zone.waiting, zone.parked_until_ms > now_s * 1000) for zone in jobs.zones]
    queued, parked = jobs.waiting + sum(n for n, _ in zones), sum(n for n, is_parked in zones if is_parked)
    known = jobs.held >= 0
    waits = {
        DRAIN: jobs.aside,
        "retry": max(0, jobs.left - queued - jobs.aside - jobs.held) if known else 0,
    }
    may_go = queued
    holding = next((one.cause for one in causes if one.cause not in OF_SOME and one.cause != "throttled"), None)
    if jobs.state in _DRAINING:
        waits[DRAIN] += may_go
        may_go = 0
    elif holding == "window":  # the page's clock says so: recipients with zones of their own go by theirs
        waits |= {"window": jobs.waiting, "recipient_hours": parked}
        may_go -= jobs.waiting + parked
    elif holding is not None:
        waits[holding] = may_go
        may_go = 0
    else:
        waits["recipient_hours"] = parked
        may_go -= parked
    if rate is not None and holding in (None, "window"):
        waits["throttled"] = max(0, may_go - math.ceil(rate))
        may_go -= waits["throttled"]
    order = [*([holding] if holding else []), "throttled", "recipient_hours", "retry", DRAIN]
    return Waiting(may_go, jobs.held if known else None, {name: waits[name] for name in order if waits.get(name)})


def of_queue(state: str, ended_as: str | None, causes: Sequence[Cause], jobs: Waiting | None) -> RunStatus:
    """Return the status of a run that the queue knows, or of one that has ended.

    Args:
        state: one of RunState, without its holds.
        ended_as: of a finished one.
        causes: what it waits for.
        jobs: where its messages are; None: not known.
    """
    match state:
        case RunState.FINISHED:
            return _ENDED.get(ended_as or "", RunStatus.FINISHED)
        case RunState.REFUSED:
            return RunStatus.REFUSED
        case RunState.CANCELLED | RunState.EXPIRED:
            return RunStatus.DRAINING
    if _held(causes, jobs):
        return RunStatus.WAITING
    return RunStatus.FILLING if state == RunState.ENQUEUING else RunStatus.SENDING


def _held(causes: Sequence[Cause], jobs: Waiting | None) -> bool:
    """Say whether the run as a whole waits: nothing of it goes, or all that goes is held back."""
    whole = [one.cause for one in causes if one.cause not in OF_SOME]
    if jobs is None:
        return bool(whole)
    if whole == ["window"]:
        return jobs.may_go == 0
    if whole and set(whole) <= {"throttled", "window"}:
        return jobs.may_go == 0 or "throttled" in jobs.waits
    return bool(whole) or (bool(causes) and jobs.may_go == 0 and not jobs.in_flight)
