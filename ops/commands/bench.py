"""`newar bench NAME`: options in, tables or JSON out. What is measured is in the files of those names."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from ops.bench.claim import ClaimOptions, bench_claim
from ops.bench.clients import CLIENTS, Client
from ops.bench.conditions import Conditions
from ops.bench.fairness import KINDS, FairnessOptions, Kind, bench_fairness
from ops.bench.http import HttpOptions, bench_http
from ops.bench.poll import PollOptions, bench_poll
from ops.bench.queue import QueueOptions, bench_queue
from ops.bench.report import print_report
from ops.bench.send import SendCase, SendOptions, bench_send
from ops.commands.bench_ingest import ingest
from ops.commands.bench_queries import queries
from ops.shell.output import AsJson, example
from ops.shell.service import run_once
from schema.runtime.logging import configure_logging

T = TypeVar("T")

commands = typer.Typer(
    no_args_is_help=True, help="Measure, on servers started for it. What was seen: ops/bench/RESULTS.md."
)

Rounds = Annotated[int, typer.Option(min=1, help="Each round measures all cases once; medians are shown.")]
Pages = Annotated[int, typer.Option(min=1, help="Pages, with one run each.")]
Durable = Annotated[bool, typer.Option(help="Redis and PostgreSQL write to disk before they acknowledge.")]


@commands.command(epilog=example("newar bench http --tasks 100,500 --no-tls"))
def http(
    clients: Annotated[str, typer.Option(help="Clients to compare, with commas.")] = ",".join(CLIENTS),
    tasks: Annotated[str, typer.Option(help="Numbers of tasks that send at once.")] = "1,20,100,500,2000",
    tls: Annotated[bool, typer.Option(help="With TLS too.")] = True,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of one measurement.")] = 2.0,
    rounds: Rounds = 3,
    as_json: AsJson = False,
) -> None:
    """Compare our connection pool with httpx's own and with bare streams."""
    options = HttpOptions(
        clients=_listed(clients, _client, "--clients"),
        tasks=_listed(tasks, int, "--tasks"),
        tls=(False, True) if tls else (False,),
        seconds=seconds,
        rounds=rounds,
    )
    conditions = _begin()
    found = run_once(lambda: bench_http(options))
    cases = options.cases
    first_of_load = [i - i % len(options.clients) for i in range(len(cases))]
    print_report(
        "http",
        options,
        cases,
        found,
        rate="requests_per_s",
        compared_with=first_of_load,
        as_json=as_json,
        conditions=conditions,
    )


@commands.command(epilog=example("newar bench queue --groups 1,100 --jobs 20000"))
def queue(
    groups: Annotated[
        str, typer.Option(help="Jobs that are claimed, marked and settled together.")
    ] = "1,10,50,100,500",
    jobs: Annotated[int, typer.Option(min=1, help="Jobs of one measurement; a tenth for groups of one.")] = 10_000,
    pages: Pages = 20,
    rounds: Rounds = 3,
    durable: Durable = True,
    as_json: AsJson = False,
) -> None:
    """Claim, mark and settle jobs that nobody sends: what a job costs all in all, caller included."""
    options = QueueOptions(
        groups=_listed(groups, int, "--groups"), jobs=jobs, pages=pages, rounds=rounds, durable=durable
    )
    conditions = _begin()
    found = run_once(lambda: bench_queue(options))
    print_report("queue", options, options.groups, found, rate="jobs_per_s", as_json=as_json, conditions=conditions)


@commands.command(epilog=example("newar bench claim --pages 10,10000 --jobs 5000000 --against ../newar-before"))
def claim(
    pages: Annotated[str, typer.Option(help="Numbers of pages, each with a limit.")] = "10,1000,10000",
    jobs: Annotated[str, typer.Option(help="Numbers of waiting jobs, of all pages together.")] = "100000",
    two_runs: Annotated[str, typer.Option(help="Shares of the pages with two active runs, 0 to 1.")] = "0,0.5",
    limit: Annotated[str, typer.Option(help="Limits of each page, messages/s; small ones make it wait.")] = "10000",
    want: Annotated[int, typer.Option(min=1, help="Jobs that a call asks for.")] = 100,
    calls: Annotated[int, typer.Option(min=1, help="Calls of one measurement.")] = 200,
    against: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Another checkout, to compare each case with.")
    ] = None,
    rounds: Rounds = 5,
    as_json: AsJson = False,
) -> None:
    """Claim only: what the script costs Redis. Several values with commas: every combination is measured."""
    options = ClaimOptions(
        pages=_listed(pages, _positive, "--pages"),
        jobs=_listed(jobs, _positive, "--jobs"),
        two_runs=_listed(two_runs, _share, "--two-runs"),
        limit=_listed(limit, _positive, "--limit"),
        want=want,
        calls=calls,
        rounds=rounds,
        against=None if against is None else str(against.resolve()),
    )
    conditions = _begin()
    found = run_once(lambda: bench_claim(options))
    print_report(
        "claim",
        options,
        options.cases,
        found,
        rate="us_a_job",
        compared_with=options.compared_with,
        as_json=as_json,
        conditions=conditions,
    )


@commands.command(epilog=example("newar bench fairness --cases backlog,split --senders 8"))
def fairness(
    cases: Annotated[
        str, typer.Option(help="A backlog beside small pages; split over many runs; two lanes beside one.")
    ] = ",".join(KINDS),
    backlog: Annotated[int, typer.Option(min=1, help="Jobs of the page with the backlog.")] = 1_000_000,
    pages: Annotated[int, typer.Option(min=1, help="Small pages beside it.")] = 99,
    small: Annotated[int, typer.Option(min=1, help="Jobs of each; 20 times that in each lane.")] = 1000,
    runs: Annotated[int, typer.Option(min=1, help="Runs over which the backlog is split.")] = 1000,
    senders: Annotated[int, typer.Option(min=1, help="Sessions that claim at once.")] = 4,
    want: Annotated[int, typer.Option(min=1, help="Jobs that a claim asks for.")] = 100,
    rounds: Rounds = 1,
    as_json: AsJson = False,
) -> None:
    """See who is served when, page beside page. --json has the moment of each page, and shares over time."""
    options = FairnessOptions(
        cases=_listed(cases, _kind, "--cases"),
        backlog=backlog,
        pages=pages,
        small=small,
        runs=runs,
        senders=senders,
        want=want,
        rounds=rounds,
    )
    conditions = _begin()
    found = run_once(lambda: bench_fairness(options))
    print_report("fairness", options, options.cases, found, rate="worst", as_json=as_json, conditions=conditions)


@commands.command(epilog=example("newar bench poll --runs 2000 --pages 20"))
def poll(
    runs: Annotated[int, typer.Option(min=1, help="Unfinished runs, of which nothing has changed.")] = 10_000,
    pages: Annotated[str, typer.Option(help="Numbers of pages that the runs are of.")] = "20,10000",
    windows: Annotated[float, typer.Option(min=0, max=1, help="Share of the runs with a send window.")] = 0.2,
    rounds: Rounds = 3,
    durable: Durable = True,
    as_json: AsJson = False,
) -> None:
    """Look at runs that are being sent, as the run processor does at every poll."""
    options = PollOptions(
        runs=runs, pages=_listed(pages, int, "--pages"), windows=windows, rounds=rounds, durable=durable
    )
    conditions = _begin()
    found = run_once(lambda: bench_poll(options))
    print_report(
        "poll", options, options.cases, found, rate="runs_per_s", each="run", as_json=as_json, conditions=conditions
    )


commands.command(epilog=example("newar bench ingest --pages 10000 --delay-ms 0.1 --delay-ms 10"))(ingest)
commands.command(epilog=example("newar bench queries --rows 10000000"))(queries)


@commands.command(epilog=example("newar bench send --latency-ms 0,300 --tasks 2000 --messages 50000"))
def send(
    senders: Annotated[str, typer.Option(help="Numbers of sender processes.")] = "1",
    tasks: Annotated[str, typer.Option(help="Tasks of each sender.")] = "100",
    batch: Annotated[str, typer.Option(help="Messages in one Graph batch; 1: no batches.")] = "1",
    latency_ms: Annotated[str, typer.Option(help="Latency of the stand-in Graph API.")] = "0",
    failures: Annotated[str, typer.Option(help="Shares of messages that it refuses, 0 to 1.")] = "0",
    personal: Annotated[str, typer.Option(help="Shares of personal messages, with a variable, 0 to 1.")] = "0",
    rate: Annotated[str, typer.Option(help="Limits of messages/s, to measure below saturation; 0: none.")] = "0",
    messages: Annotated[int, typer.Option(min=1, help="Messages of one measurement.")] = 20_000,
    pages: Pages = 20,
    rounds: Rounds = 3,
    durable: Durable = True,
    as_json: AsJson = False,
) -> None:
    """Send from the queue to the rows of the log. Several values with commas: every combination is measured."""
    combinations = product(
        _listed(senders, int, "--senders"),
        _listed(tasks, int, "--tasks"),
        _listed(batch, int, "--batch"),
        _listed(latency_ms, float, "--latency-ms"),
        _listed(failures, float, "--failures"),
        _listed(personal, _share, "--personal"),
        _listed(rate, int, "--rate"),
    )
    options = SendOptions(
        cases=tuple(
            SendCase(senders=s, tasks=t, batch=b, latency_ms=ms, failure_rate=f, personal=p, rate=r)
            for s, t, b, ms, f, p, r in combinations
        ),
        messages=messages,
        pages=pages,
        rounds=rounds,
        durable=durable,
    )
    conditions = _begin()
    found = run_once(lambda: bench_send(options))
    print_report("send", options, options.cases, found, rate="rows_per_s", as_json=as_json, conditions=conditions)


def _begin() -> Conditions:
    configure_logging("bench", level="WARNING")
    return Conditions.now()


def _listed(text: str, kind: Callable[[str], T], option: str) -> tuple[T, ...]:
    try:
        return tuple(kind(part.strip()) for part in text.split(","))
    except ValueError as exc:
        raise typer.BadParameter(
            f"{text!r}: write values with commas between, like the default", param_hint=option
        ) from exc


def _client(name: str) -> Client:
    for client in CLIENTS:
        if client == name:
            return client
    raise ValueError(name)


def _share(text: str) -> float:
    if not 0 <= (share := float(text)) <= 1:
        raise ValueError(text)
    return share


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


def _kind(name: str) -> Kind:
    for kind in KINDS:
        if kind == name:
            return kind
    raise ValueError(name)
