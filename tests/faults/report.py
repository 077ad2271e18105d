"""What faults cost, as lines of JSON in the file that NEWAR_FAULT_REPORT names; for the table in the docs."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from tests.faults.checker import Finding, check
from tests.faults.history import History


def report(fault: str, history: History, **figures: float | list[float]) -> list[Finding]:
    """Check a history and add a line about it; return the findings."""
    findings = check(history)
    kinds = Counter(finding.kind for finding in findings)
    outcomes = sum((run.outcomes for run in history.runs.values()), Counter[str]())
    line = {
        "fault": fault,
        "recipients": sum(map(len, history.enqueued.values())),
        "lost": kinds["lost"],
        "doubled": kinds["doubled"],
        "other_findings": kinds.total() - kinds["lost"] - kinds["doubled"],
        "unknown": outcomes["unknown"],
        **{name: _rounded(value) for name, value in figures.items()},
    }
    if path := os.environ.get("NEWAR_FAULT_REPORT"):
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")
    return findings


def _rounded(value: float | list[float]) -> float | list[float]:
    return [round(one, 2) for one in value] if isinstance(value, list) else round(value, 2)
