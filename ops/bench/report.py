"""How results are shown: a table of medians for people, everything as one JSON object for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import msgspec
import typer

from ops.bench.conditions import Conditions
from ops.shell.output import print_json, print_table

_ROLES = ("bench", "client", "sender", "fake Graph", "Redis", "broker", "ingest", "delay", "Postgres")
"""In the order in which a message meets them."""


def print_report(
    benchmark: str,
    options: object,
    cases: Sequence[object],
    rounds: Sequence[Sequence[object]],
    *,
    rate: str,
    each: str = "message",
    compared_with: Sequence[int] | None = None,
    as_json: bool,
    conditions: Conditions,
) -> None:
    """Print what was found.

    Args:
        benchmark: its name.
        options: as they were given.
        cases: what was measured.
        rounds: for each case its figures, one for each round.
        rate: the field of the figures that ratios are made of.
        each: what CPU time is counted for.
        compared_with: for each case the number of the case that it is compared with; by default the first.
        as_json: print JSON.
        conditions: under which it was measured.
    """
    found = [[_plain(figures) for figures in one] for one in rounds]
    bases = compared_with or [0] * len(found)
    ratios = [_median_ratio(found[i], found[base], rate) for i, base in enumerate(bases)]
    medians = [_median(one) for one in found]
    if as_json:
        shown = [
            {"case": case, "medians": median, "ratio": ratio, "rounds": one}
            for case, median, ratio, one in zip(cases, medians, ratios, found, strict=True)
        ]
        print_json({"benchmark": benchmark, "conditions": conditions, "options": options, "cases": shown})
        return
    typer.echo(f"newar bench {benchmark}: {conditions}")
    rows = [{**_case(c), **_flat(m), "ratio": r} for c, m, r in zip(cases, medians, ratios, strict=True)]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    print_table(columns, [[row.get(name) for name in columns] for row in rows])
    typer.echo(
        f"Medians over the rounds; CPU in us for each {each}, by process; times as p50 / p95 / p99 in ms; "
        f"ratio: median over the rounds of {rate} by that of the case it is compared with."
    )


def _plain(figures: object) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(figures)
    return plain


def _case(case: object) -> dict[str, Any]:
    plain = msgspec.to_builtins(case)
    return plain if isinstance(plain, dict) else {"group" if isinstance(plain, int) else "case": plain}


def _median(values: list[Any]) -> Any:
    """Return the median of each number, however deep it stands."""
    if isinstance(values[0], dict):
        return {name: _median([value[name] for value in values if name in value]) for name in values[0]}
    numbers = [value for value in values if value is not None]
    return round(statistics.median(numbers), 3) if numbers else None


def _median_ratio(found: list[dict[str, Any]], base: list[dict[str, Any]], rate: str) -> float | None:
    pairs = [(one[rate], other[rate]) for one, other in zip(found, base, strict=True) if other[rate]]
    return round(statistics.median(a / b for a, b in pairs), 2) if pairs else None


def _flat(median: dict[str, Any]) -> dict[str, object]:
    """Return one cell for each number, or for three percentiles; long lists by page or time are for JSON alone."""
    cells: dict[str, object] = {}
    for name, value in median.items():
        if not isinstance(value, dict):
            cells[name] = value
        elif "p50_ms" in value:
            cells[name] = " / ".join("-" if t is None else f"{t:.1f}" for t in value.values())
        elif name == "cpu_us":
            cells |= {f"CPU {role}": value[role] for role in _ROLES if role in value}
        elif name == "rss_mb":
            cells |= {f"MB {role}": value[role] for role in ("client", "sender", "ingest") if role in value}
    return cells
