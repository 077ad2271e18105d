"""`newar demo`: the main job once, end to end, and its proof."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ops.shell.output import example
from ops.shell.service import run_service
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop

if TYPE_CHECKING:
    from ops.demo.main_job import DemoOptions, DemoResult
    from ops.demo.main_job import Progress as HowFar

commands = typer.Typer()

_DRAIN_S = 2.0


@commands.command("demo", epilog=example("newar demo --messages 20000 --pages 20"))
def run_demo(
    messages: Annotated[int, typer.Option(min=1, max=10_000_000, help="recipients in all")] = 10_000,
    pages: Annotated[int, typer.Option(min=1, max=100_000, help="pages, with one broadcast each")] = 20,
    latency_ms: Annotated[float, typer.Option(min=0, max=60_000, help="of the stand-in Graph API")] = 100.0,
    stay: Annotated[bool, typer.Option(help="keep the cockpit afterwards, until Ctrl-C")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="end with one JSON object on stdout")] = False,
) -> None:
    """Send a broadcast end to end on local real servers against a stand-in Graph API, and prove the result."""
    from ops.demo.main_job import DemoOptions, demo  # noqa: PLC0415 - its imports take a second

    options = DemoOptions(messages=messages, pages=min(pages, messages), latency_ms=latency_ms, stay=stay)
    results: list[DemoResult] = []
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    sent, logged = (bar.add_task(name, total=messages) for name in ("outcomes", "in the log"))

    def show(now: HowFar) -> None:
        bar.update(sent, completed=sum(now.outcomes.values()))
        bar.update(logged, completed=now.rows)

    async def main(stop: Stop) -> None:
        configure_logging("demo", level="WARNING")
        results.append(await demo(options, stop, say=console.print, progress=show))

    with bar:
        run_service("demo", main, _DRAIN_S)
    (result,) = results
    if as_json:
        typer.echo(json.dumps(result.as_dict(options)))
    else:
        Console().print(_summary(result, options))
    raise typer.Exit(0 if result.ok else 1)


def _summary(result: DemoResult, options: DemoOptions) -> Table:
    figures, proof = result.as_dict(options), result.proof
    table = Table(title="Newar demo: " + ("everything adds up" if result.ok else "does NOT add up"), show_header=False)
    table.add_row("recipients", f"{proof.recipients:,}")
    for outcome, count in proof.outcomes.items():
        table.add_row(f"  {outcome}", f"{count:,}")
    table.add_row("final rows in PostgreSQL", f"{proof.rows:,}")
    table.add_row("messages the Graph API accepted", f"{proof.accepted:,}")
    table.add_row("duplicates", f"{proof.duplicates:,}")
    table.add_row("seconds until the last row", f"{figures['seconds']:,}")
    table.add_row("messages per second", f"{figures['messages_per_second']:,}")
    for problem in proof.problems:
        table.add_row("problem", problem)
    return table
