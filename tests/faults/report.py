"""What faults cost, as lines of JSON in the file that NEWAR_FAULT_REPORT names; for the table in the docs."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

from tests.faults.checker import Finding
from tests.faults.history import History
from tests.faults.unknowns import causes

Figure = float | list[float] | dict[str, int]


def report(fault: str, **figures: Figure) -> None:
    """Add a line with these figures to the file."""
    if path := os.environ.get("NEWAR_FAULT_REPORT"):
        line = {"fault": fault, **{name: _rounded(value) for name, value in figures.items()}}
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def figures_of(history: History, findings: list[Finding]) -> dict[str, int | dict[str, int]]:
    """Return how many were in a history, and what was found about them."""
    kinds = Counter(finding.kind for finding in findings)
    return {
        "recipients": sum(map(len, history.enqueued.values())),
        "lost": kinds["lost"],
        "doubled": kinds["doubled"],
        "other_findings": kinds.total() - kinds["lost"] - kinds["doubled"],
        "unknown": sum(run.outcomes["unknown"] for run in history.runs.values()),
        "unknown_by_cause": causes(history),
    }


def _rounded(value: Figure) -> Figure:
    if isinstance(value, dict):
        return value
    return [round(one, 2) for one in value] if isinstance(value, list) else round(value, 2)
