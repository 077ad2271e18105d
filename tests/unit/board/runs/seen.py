"""What the queue says, as tests make it up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ops.board.reading import Fields, Reading
from schema.snapshot import ProcessSnapshot, RunsSnapshot
from sender.queue.survey import Unfinished
from tests.unit.api.contents import process, sender

NOW_S = 1_800_000_000.0
NOW = datetime.fromtimestamp(NOW_S, UTC)


def ms(seconds_from_now: float) -> str:
    return str(int((NOW_S + seconds_from_now) * 1000))


def alive() -> list[ProcessSnapshot]:
    """A sender and a run processor that are well."""
    at_ms = int(NOW_S * 1000)
    return [process("s", at_ms=at_ms, sender=sender()), process("r", at_ms=at_ms, runs=RunsSnapshot())]


def reading(processes: Sequence[ProcessSnapshot] | None = None, **fields: Any) -> Reading:
    """A reading of a queue in which all is well, but for what is said."""
    nothing: dict[str, Any] = {
        **{name: [] for name in ("unfinished", "newest_runs", "failures")},
        **{name: {} for name in ("runs", "pages", "breakers", "app")},
        **dict.fromkeys(("delayed", "leased", "marked", "outbox"), 0),
        "snapshots": [msgspec.json.encode(one) for one in (alive() if processes is None else processes)],
    }
    if "unfinished" not in fields:
        runs: dict[str, Fields] = fields.get("runs", {})
        fields["unfinished"] = [jobs(run_id, run) for run_id, run in runs.items()]
    return Reading(**{"at_s": NOW_S, "claimable_since_s": None, **nothing, **fields})


def jobs(run_id: str, fields: Fields, **changes: Any) -> Unfinished:
    """Where a run's jobs are: all that are left in its list, but for what is said."""
    left = int(fields.get("left", "0"))
    values = {"page_id": fields.get("page", ""), "left": left, "state": fields.get("state", ""), "waiting": left}
    return Unfinished(run_id=run_id, **{**values, **changes})


def run_fields(**changes: str) -> Fields:
    values = {"page": "100", "state": "active", "recipients": "100", "left": "40", "taken_at_ms": ms(-6), "sent": "60"}
    return {**values, **changes}
