"""What is printed of a run."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import msgspec

from ops.board.runs.run_answers import RunAnswer
from ops.shell.times import lasting

UNKNOWN = "unknown"


def sql(name: str) -> str:
    """Return the text of `sql/NAME.sql`."""
    return files("ops.commands.run").joinpath("sql", f"{name}.sql").read_text("utf-8")


def as_json(run: RunAnswer) -> dict[str, Any]:
    """Return a run for programs: as the API answers it, and the brake also under the names that it had here first."""
    brake = run.brake
    return {
        **msgspec.structs.asdict(run),
        "brake_rule": brake.rule if brake else None,
        "brake_reason": brake.reason if brake else None,
        "brake_at": brake.since if brake else None,
    }


def row(run: RunAnswer) -> list[object]:
    """Return the columns of a list."""
    sent = None if run.outcomes is None else run.outcomes.get("sent", 0)
    ended = None if run.recipients is None or run.left is None else run.recipients - run.left
    others = None if sent is None or ended is None else ended - sent
    state = f"{run.state} ({', '.join(run.held_by)})" if run.held_by else run.state
    state += f", expires in {until(run.expires_at)}" if run.expires_soon else ""
    progress = UNKNOWN if run.progress is None else f"{run.progress:.0%}"
    counts = [UNKNOWN if n is None else n for n in (run.recipients, sent, others)]
    return [run.run_id, run.page_id, state, told(run), progress, *counts, run.taken_at, run.finished_at]


def facts(run: RunAnswer) -> list[tuple[str, object]]:
    """Return names and values of all that is known, and of the figures also that they are not."""
    said = dict.fromkeys(("brake", "log", "not_reached", "queue", "history"))  # in other words, or on stderr
    shown: dict[str, Any] = as_json(run) | said
    shown |= {"status": told(run), "held_by": ", ".join(run.held_by)}
    for name in ("recipients", "left"):
        shown[name] = UNKNOWN if shown[name] is None else shown[name]
    shown["progress"] = UNKNOWN if run.progress is None else f"{run.progress:.1%}"
    shown["outcomes"] = UNKNOWN if run.outcomes is None else _listed(run.outcomes)
    shown["waits"] = _listed(run.waits or {})
    shown["waiting_because"] = "; ".join(cause.detail for cause in run.waiting_because)
    shown["logged"] = f"{run.logged} of {run.recipients}" if run.logged is not None and run.recipients else None
    if run.expires_soon:
        shown["expires_soon"] = f"in {until(run.expires_at)}; newar run extend {run.run_id} --by 1d gives it more time"
    if run.brake:
        shown["held_by"] += f"; newar run resume {run.run_id} lets it go on, cancel ends it"
    return [(name, value) for name, value in shown.items() if name != "run_id" and value]


def told(run: RunAnswer) -> str:
    """Return the status and, of a run that waits, for what: `waiting: breaker, window`."""
    names = ", ".join(dict.fromkeys(cause.cause for cause in run.waiting_because))
    return f"{run.status}: {names}" if names and run.status != names else run.status


def until(moment: datetime | None) -> str:
    """Return how long it is until then."""
    return lasting((moment - datetime.now(UTC)).total_seconds()) if moment else "-"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)
