"""From what Redis said to the answers about the queue, its runs, pages and breakers. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Literal, cast

import msgspec

from ops.board.answers import AppPause, BreakerPage, CircuitBreaker, PageAnswer, QueueAnswer
from ops.board.page_limits import BY_HAND_MS
from ops.board.reading import BUSIEST, MOST_BREAKERS, Fields, Reading, busiest_pages
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.put_together import run_answer, total
from ops.board.runs.run_answers import RunAnswer
from ops.board.runs.run_counts import at, number
from schema.event import LogEvent

_event_decoder = msgspec.json.Decoder(LogEvent)


def queue(holding: Holding, rates: RunRates) -> QueueAnswer:
    """Return the figures of `/stats/queue`."""
    reading = holding.reading
    whole = total(holding)
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
        runs=[run(u.run_id, holding, rates) for u in reading.unfinished[:BUSIEST]],
        pages=_pages(reading),
        app=pause,
        runs_braked=sum(run.braked for run in reading.unfinished),
        may_go=whole.may_go,
        waits=whole.waits,
    )


def newest_runs(holding: Holding, rates: RunRates) -> list[RunAnswer]:
    """Return the newest runs, finished or not, newest first."""
    known = [run_id for run_id in holding.reading.newest_runs if holding.reading.runs.get(run_id)]
    return [run(run_id, holding, rates) for run_id in known]


def run(run_id: str, holding: Holding, rates: RunRates) -> RunAnswer:
    """Return what the queue alone knows of one run."""
    return run_answer(run_id, None, holding, rates, holding.reading.at_s)


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
