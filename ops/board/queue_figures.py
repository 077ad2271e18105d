"""From what Redis said to the answers about the queue, its runs, pages and breakers. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Literal, cast

import msgspec

from ops.board.answers import AppPause, Brake, BreakerPage, CircuitBreaker, PageAnswer, QueueAnswer, RunAnswer
from ops.board.page_limits import BY_HAND_MS
from ops.board.reading import BUSIEST, MOST_BREAKERS, Fields, Reading, busiest_pages
from ops.board.run_rates import RunRates
from schema.event import LogEvent, at_us
from schema.outcomes import Outcome
from schema.run import RunState
from sender.queue.run_queue import HOLDERS

SOON_S = 7200.0
"""A held run that expires within this time is shown so."""
_SENDING = (RunState.ENQUEUING, RunState.ACTIVE)
_MOVING = (RunState.ACTIVE, RunState.CANCELLED, RunState.EXPIRED)
_event_decoder = msgspec.json.Decoder(LogEvent)


def queue(reading: Reading, rates: RunRates) -> QueueAnswer:
    """Return the figures of `/stats/queue`."""
    left = sum(run.left for run in reading.unfinished)
    pause = app_pause(reading)
    since_s = None if pause.paused_until else reading.claimable_since_s
    return QueueAnswer(
        waiting=max(0, left - reading.delayed - reading.leased),
        delayed=reading.delayed,
        leased=reading.leased,
        marked=reading.marked,
        outbox=reading.outbox,
        oldest_claimable_age_s=0.0 if since_s is None else round(reading.at_s - since_s, 3),
        runs_unfinished=len(reading.unfinished),
        runs=[run(u.run_id, reading.runs[u.run_id], rates, reading.at_s) for u in reading.unfinished[:BUSIEST]],
        pages=_pages(reading),
        app=pause,
        runs_braked=sum(run.braked for run in reading.unfinished),
    )


def newest_runs(reading: Reading, rates: RunRates) -> list[RunAnswer]:
    """Return the newest runs, finished or not, newest first."""
    known = [(run_id, reading.runs[run_id]) for run_id in reading.newest_runs if reading.runs[run_id]]
    return [run(run_id, fields, rates, reading.at_s) for run_id, fields in known]


def run(run_id: str, fields: Fields, rates: RunRates, now_s: float) -> RunAnswer:
    """Return what is known of one run."""
    recipients, left = number(fields, "recipients"), number(fields, "left")
    state, taken_at = fields.get("state", ""), at(fields, "taken_at_ms")
    finished = state == RunState.FINISHED
    held_by = [holder for holder in HOLDERS if fields.get(f"hold:{holder}")]
    paused, expires_at = bool(held_by) and state in _SENDING, at(fields, "expires_at_ms")
    rate = 0.0 if finished else rates.rate(run_id, taken_at.timestamp() if taken_at else None)
    return RunAnswer(
        run_id=run_id,
        page_id=fields.get("page", ""),
        state=RunState.PAUSED if paused else state,
        held_by=held_by,
        ended_as=fields.get("ended_as"),
        reason=None,
        priority=number(fields, "priority"),
        recipients=recipients,
        left=left,
        outcomes={outcome.value: number(fields, outcome.value) for outcome in Outcome},
        progress=round((recipients - left) / recipients, 4) if recipients else float(finished),
        rate_per_second=round(rate, 1),
        eta_s=round(left / rate, 1) if rate and left and state in _MOVING and not held_by else None,
        taken_at=taken_at,
        expires_at=expires_at,
        finished_at=at(fields, "finished_at_ms"),
        brake=_brake(fields) if paused and "brake" in held_by else None,
        expires_soon=paused and expires_at is not None and expires_at.timestamp() - now_s < SOON_S,
    )


def app_pause(reading: Reading) -> AppPause:
    """Return the pause of everything, whether a person or a rule has made it."""
    until = _pause(reading.app, reading.at_s)
    return AppPause(
        paused_until=until,
        reason=_reason(reading.app, reading.at_s),
        by_hand=until is not None and number(reading.app, "paused_until_ms") >= BY_HAND_MS,
    )


def breakers(reading: Reading) -> CircuitBreaker:
    """Return the figures of `/stats/circuit-breaker`."""
    states = Counter(reading.breakers.values())
    return CircuitBreaker(
        open=states["open"],
        half_open=states["half_open"],
        app=app_pause(reading),
        pages=[
            _breaker(page, state, reading.pages[page]) for page, state in list(reading.breakers.items())[:MOST_BREAKERS]
        ],
    )


def failures(reading: Reading, limit: int) -> list[LogEvent]:
    """Return the newest failures; what cannot be decoded is left out."""
    found = []
    for raw in reading.failures:
        try:
            found.append(_event_decoder.decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found[:limit]


def _pages(reading: Reading) -> list[PageAnswer]:
    runs, left = Counter[str](), Counter[str]()
    for unfinished in reading.unfinished:
        runs[unfinished.page_id] += 1
        left[unfinished.page_id] += unfinished.left
    return [
        PageAnswer(
            page_id=page_id,
            runs=runs[page_id],
            left=left[page_id],
            breaker=reading.breakers.get(page_id, "closed"),
            paused_until=_pause(reading.pages[page_id], reading.at_s),
            pause_reason=_reason(reading.pages[page_id], reading.at_s),
        )
        for page_id in busiest_pages(reading.unfinished)
    ]


def _brake(fields: Fields) -> Brake:
    rule, reason = fields.get("brake_rule", ""), fields.get("brake_reason")
    return Brake(rule=rule, reason=reason, since=at(fields, "brake_at_ms"))


def _breaker(page_id: str, state: str, fields: Fields) -> BreakerPage:
    return BreakerPage(
        page_id=page_id,
        state=cast(Literal["open", "half_open"], state),
        reason=fields.get("reason"),
        failures=number(fields, "failures"),
        opened_at=at(fields, "opened_at_ms"),
        retry_at=at(fields, "retry_at_ms"),
    )


def _pause(fields: Fields, now_s: float) -> datetime | None:
    """Return the end of a pause that is not over yet."""
    return at(fields, "paused_until_ms") if number(fields, "paused_until_ms") > now_s * 1000 else None


def _reason(fields: Fields, now_s: float) -> str | None:
    return fields.get("pause_reason") if _pause(fields, now_s) else None


def number(fields: Fields, name: str) -> int:
    """Return a field as a whole number; 0 when it is missing."""
    return int(float(fields.get(name) or 0))


def at(fields: Fields, name: str) -> datetime | None:
    """Return a field in ms since 1970 as a time; None when it is missing or 0."""
    ms = number(fields, name)
    return at_us(ms * 1000) if ms else None
