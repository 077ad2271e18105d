"""How the places fare that runs come from, as run processors say. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ops.board.answers import Check
from schema.snapshot import STALE_AFTER_S, ProcessSnapshot

CHECKS = {"source_database": "source", "submitted_runs": "submitted"}
"""Check of `/health` -> the source whose runs it is about."""


def with_sources(checks: dict[str, Check], processes: Sequence[ProcessSnapshot] | None) -> dict[str, Check]:
    """Return the checks with what run processors say of their sources; None: nobody knows what they say."""
    found = dict(checks)
    for name, source in CHECKS.items():
        theirs = _theirs(source, processes)
        ours = checks.get(name)
        if ours is None or (ours.status in ("ok", "not_configured") and theirs.status == "degraded"):
            found[name] = theirs
    return found


def _theirs(source: str, processes: Sequence[ProcessSnapshot] | None) -> Check:
    if processes is None:
        return Check(status="unknown", detail="not known without Redis")
    runs = [process.runs for process in processes if process.runs]
    if not runs:
        detail = f"not looked at: no run processor has reported for {STALE_AFTER_S:.0f} s; start one: newar runs"
        return Check(status="unknown", detail=detail)
    seen = [one.sources[source] for one in runs if source in one.sources]
    troubles = [reason for one in seen if (reason := one.silence or one.trouble)]
    if not troubles:
        return Check(status="ok", detail="looked at")
    others = f" (says {len(troubles)} of {len(seen)} run processors)" if len(seen) > 1 else ""
    return Check(status="degraded", detail=f"{troubles[0]}{others}")
