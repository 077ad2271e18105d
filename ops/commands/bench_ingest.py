"""`newar bench ingest`: options in, a table or JSON out."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.bench.conditions import Conditions
from ops.bench.ingest import IngestOptions, bench_ingest
from ops.bench.ingest_steady import SteadyOptions, bench_steady
from ops.bench.report import print_report
from ops.bench.rounds import paired
from ops.shell.output import AsJson
from ops.shell.service import run_once
from schema.runtime.logging import configure_logging


def ingest(
    events: Annotated[int, typer.Option(min=1000, help="Events that wait in the topic.")] = 400_000,
    pages: Annotated[int, typer.Option(min=1, help="Pages that they are of, with one run each.")] = 100,
    delay_ms: Annotated[
        list[float] | None, typer.Option(min=0, help="Added on the way to PostgreSQL, each way; may be repeated.")
    ] = None,
    failures: Annotated[float, typer.Option(min=0, max=1, help="Share of failed messages.")] = 0.03,
    steady: Annotated[
        int | None, typer.Option(min=1, help="No backlog, but so many events/s: how soon they are rows.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=5, help="Length of a steady measurement.")] = 30.0,
    rounds: Annotated[int, typer.Option(min=1, help="Each round measures all cases once; medians are shown.")] = 3,
    durable: Annotated[bool, typer.Option(help="PostgreSQL writes to disk before it acknowledges.")] = True,
    as_json: AsJson = False,
) -> None:
    """Catch up: a backlog of the topic into rows and figures, beside a COPY of ready rows into the same table."""
    configure_logging("bench", level="WARNING")
    conditions, delays_ms = Conditions.now(), tuple(delay_ms or (0.1, 10.0))
    if steady is None:
        options = IngestOptions(
            events=events, pages=(pages,), delay_ms=delays_ms, failures=failures, rounds=rounds, durable=durable
        )
        found = run_once(lambda: bench_ingest(options))
        print_report(
            "ingest", options, options.cases, found, rate="rows_per_s", each="row",
            compared_with=options.compared_with, as_json=as_json, conditions=conditions,
        )  # fmt: skip
        return
    cases = [
        SteadyOptions(rate=steady, seconds=seconds, delay_ms=ms, failures=failures, durable=durable) for ms in delays_ms
    ]
    seen = run_once(lambda: paired(cases, rounds, bench_steady))
    print_report(
        "ingest --steady", cases[0], cases, seen, rate="events_per_s", each="event", as_json=as_json,
        conditions=conditions,
    )  # fmt: skip
