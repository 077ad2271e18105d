"""A question for a graph, made of what people write: which figure, in which steps, of what, and when. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from ops.message_log.question import BadQuestion
from schema.seconds import KEPT_S

FILTERS = ("metric", "step", "page", "run", "from", "to")
MOST_POINTS = 1500
ABOUT = (
    "metric: messages (also without it), failures, retries or latency; step: second (of the last 15 minutes), minute "
    f"(of the last day, also without it) or hour; page or run: of these only; from, to: at most {MOST_POINTS} steps"
)
_MOMENT = "a moment with a time zone, such as 2026-11-22T09:30:00Z (in an address, + is written %2B)"
_LATEST_S = 253_402_300_800  # the year 10000


class Metric(StrEnum):
    """What is drawn."""

    MESSAGES = "messages"
    """Attempts by outcome."""
    FAILURES = "failures"
    """Those who were not reached, by error class."""
    RETRIES = "retries"
    """Attempts after which the message waits for another, by error class."""
    LATENCY = "latency"
    """Percentiles of the time that the Graph API took."""


STEPS_S = {"second": 1, "minute": 60, "hour": 3600}
_USUAL_S = {1: KEPT_S, 60: 24 * 3600, 3600: 7 * 24 * 3600}


class GraphQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked."""

    metric: Metric
    step_s: int
    page: str | None
    run: str | None
    since_s: int
    """Where the first step begins, seconds since 1970 (UTC)."""
    until_s: int
    """No step begins at this moment or later."""


def graph_question(given: Mapping[str, str | None], now_s: float) -> GraphQuestion:
    """Return what is asked; None: not given.

    Raises:
        BadQuestion: naming all that is wrong.
    """
    texts = {name: text for name, text in given.items() if text is not None}
    problems = [f"{name} is empty: leave it out, or write a value" for name, text in texts.items() if not text]
    problems += [f"{name} holds a NUL character" for name, text in texts.items() if "\0" in text]
    metric, step = texts.get("metric", Metric.MESSAGES), texts.get("step", "minute")
    if metric not in set(Metric):
        problems.append(f"metric must be one of {', '.join(Metric)}")
    if step not in STEPS_S:
        problems.append(f"step must be one of {', '.join(STEPS_S)}")
    if "page" in texts and "run" in texts:
        problems.append("page and run: a run is of one page; write one of them")
    since, until = (_moment(name, texts, problems) for name in ("from", "to"))
    if problems:
        raise BadQuestion("; ".join(problems))
    step_s = STEPS_S[step]
    last_s = min(int(now_s) + 1, until if until is not None else _LATEST_S)
    first_s = since if since is not None else last_s - _USUAL_S[step_s]
    first_s -= first_s % step_s
    if first_s >= (until if until is not None else _LATEST_S):
        raise BadQuestion("from must be before to")
    if last_s - first_s > MOST_POINTS * step_s:
        raise BadQuestion(f"more than {MOST_POINTS} {step}s: choose a shorter time, or a longer step")
    return GraphQuestion(
        metric=Metric(metric),
        step_s=step_s,
        page=texts.get("page"),
        run=texts.get("run"),
        since_s=first_s,
        until_s=max(first_s, last_s),
    )


def _moment(name: str, texts: Mapping[str, str], problems: list[str]) -> int | None:
    if not (text := texts.get(name)):
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        problems.append(f"{name} must be {_MOMENT}")
        return None
