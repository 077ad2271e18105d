"""`newar run list` and `newar run show`: what runs do, and what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.board.runs.run_answers import NotReached, RunDetail, RunsAnswer, RunStatus
from ops.board.runs.wanted_runs import wanted_runs
from ops.commands.run import view
from ops.commands.run.desk import Desk, ask
from ops.commands.run.run_id import RunId
from ops.shell.output import AsJson, example, print_json, print_table, printable

commands = typer.Typer()


@commands.command("list", epilog=example("newar run list --status waiting --limit 20"))
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    status: Annotated[RunStatus | None, typer.Option(help="Only those that do this.")] = None,
    page: Annotated[str | None, typer.Option(metavar="ID", help="Only this page's.")] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those whose id begins so.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the newest runs, newest first, with what they do or wait for and their progress.

    A run that is held says by whom, and when it expires, if that is soon. One that was refused, waits or will not be
    taken says why. Runs that are due later come first.
    """

    async def listed(desk: Desk) -> tuple[RunsAnswer, bool]:
        answer = await desk.book.listed(wanted_runs(status=status, page=page, search=search), limit)
        desk.tell_away()
        return answer, desk.lacks_a_part

    found, in_part = ask(listed)
    if as_json:
        print_json([view.as_json(run) for run in found.runs])
    else:
        _print_runs(found)
    if in_part:
        raise typer.Exit(1)


def _print_runs(found: RunsAnswer) -> None:
    columns = ["RUN", "PAGE", "STATE", "STATUS", "PROGRESS", "RECIPIENTS", "SENT", "OTHERS", "TAKEN", "FINISHED"]
    print_table(columns, [view.row(run) for run in found.runs])
    for run in found.runs:
        if run.reason:
            typer.echo(f"{run.run_id}: {printable(run.reason)}")
    if found.scheduled_more:
        typer.echo(f"{found.scheduled_more} more are due later than all of these")


@commands.command(epilog=example("newar run show 7d9f2c"))
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run's state, what it waits for, its counts and progress, and who did not get its message and why."""

    async def read(desk: Desk) -> tuple[RunDetail, bool]:
        return await desk.detail(run_id), desk.lacks_a_part

    run, in_part = ask(read)
    if as_json:
        print_json(view.as_json(run))
    else:
        _print_run(run)
    if in_part:
        raise typer.Exit(1)


def _print_run(run: RunDetail) -> None:
    print_table(["RUN", run.run_id], view.facts(run))
    if run.log == "unknown":
        typer.echo("\nThe log knows nothing of it, yet or any more: who was not reached cannot be said here.")
    if not run.not_reached:
        return
    typer.echo("\nNot reached, as far as the log knows:")
    columns = ["OUTCOME", "CLASS", "RECIPIENTS", "EXAMPLES"]
    print_table(columns, [(m.outcome, m.error_class, m.recipients, _examples(m)) for m in run.not_reached])


def _examples(missed: NotReached) -> str:
    text = missed.examples[0]["error_message"] if missed.examples else None
    people = ", ".join(e["recipient_id"] for e in missed.examples)
    return printable(f"{people}: {text}" if text else people)
