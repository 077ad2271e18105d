"""`newar bench queries`: options in, a table or JSON out."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.bench.conditions import Conditions
from ops.bench.queries import QueriesOptions, QueriesReport, bench_queries
from ops.message_log.question import MOST
from ops.shell.output import AsJson, print_json, print_table
from ops.shell.service import run_once
from schema.runtime.logging import configure_logging

_COLUMNS = ["QUESTION", "COLD p50/p95/p99 ms", "MAX", "WARM p50/p95/p99 ms", "MAX", "ROWS"]


def queries(
    rows: Annotated[int, typer.Option(min=1, help="Rows of each day; 10 million take 9 GB for two days.")] = 2_000_000,
    days: Annotated[int, typer.Option(min=1, max=7, help="Days that are filled.")] = 2,
    asked: Annotated[int, typer.Option(min=1, help="Questions of each kind, cold and warm each.")] = 100,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="Rows that are asked for.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Ask the log each kind of question about people, runs and pages drawn at random, every other one in mid-list."""
    configure_logging("bench", level="WARNING")
    options, conditions = QueriesOptions(rows=rows, days=days, asked=asked, limit=limit), Conditions.now()
    report = run_once(lambda: bench_queries(options))
    if as_json:
        print_json({"benchmark": "queries", "conditions": conditions, "options": options, **_plain(report)})
        return
    typer.echo(f"newar bench queries: {conditions}")
    typer.echo(f"{days} days of {rows} rows, made in {report.fill_s} s; times include reading the rows here\n")
    print_table(
        _COLUMNS, [(q.question, q.cold, q.cold_max_ms, q.warm, q.warm_max_ms, q.rows) for q in report.questions]
    )
    typer.echo("")
    print_table(["ONE DAY", "MB"], report.size_mb.items())


def _plain(report: QueriesReport) -> dict[str, object]:
    return {"fill_s": report.fill_s, "questions": report.questions, "size_mb": report.size_mb}
