"""`newar run list | show | pause | resume | cancel`: runs by hand. The other commands have files of their own."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.acts import run_acts
from ops.board.runs.run_answers import NotReached, RunDetail, RunsAnswer, RunStatus
from ops.board.runs.wanted_runs import wanted_runs
from ops.commands.run import view
from ops.commands.run.check import check_run
from ops.commands.run.desk import Desk, ask, tell
from ops.commands.run.extend import extend_run
from ops.commands.run.failures import list_failures
from ops.commands.run.recover import recover_run
from ops.commands.run.retry import retry_run
from ops.commands.run.run_id import RunId
from ops.commands.run.submit import submit_run
from ops.commands.run.try_out import try_out_run
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.person import who

commands = typer.Typer(help="Runs by hand.", no_args_is_help=True)
commands.command("submit", epilog=example("newar run submit people.csv --page 104512345678901 --message hello.json"))(
    submit_run
)

commands.command("check", epilog=example("newar run check people.csv --page 104512345678901 --message hello.json"))(
    check_run
)


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


@commands.command(epilog=example("newar run pause 7d9f2c"))
def pause(run_id: RunId, as_json: AsJson = False) -> None:
    """Stop sending a run until it is resumed; what is in flight ends as it ends."""
    tell(ask(lambda desk: run_acts.pause_run(desk.runs, run_id, who())), as_json)


@commands.command(epilog=example("newar run resume 7d9f2c"))
def resume(run_id: RunId, as_json: AsJson = False) -> None:
    """Undo a pause made by hand, or the brake of a rule, which then counts anew.

    A run that its source or its hours hold stays held by them.
    """
    tell(ask(lambda desk: run_acts.resume_run(desk.runs, run_id, who())), as_json)


@commands.command(epilog=example("newar run cancel 7d9f2c"))
def cancel(run_id: RunId, as_json: AsJson = False) -> None:
    """End a run for good: every recipient left ends as cancelled. This cannot be undone."""
    tell(ask(lambda desk: run_acts.cancel_run(desk.runs, run_id, who())), as_json)


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


commands.command("failures", epilog=example("newar run failures 7d9f2c --class recipient_permanent > missed.csv"))(
    list_failures
)
commands.command("test", epilog=example("newar run test 7d9f2c --to 7000000000000001"))(try_out_run)
commands.command("extend", epilog=example("newar run extend 7d9f2c --by 12h"))(extend_run)
commands.command("retry", epilog=example("newar run retry 7d9f2c --class transient"))(retry_run)
commands.command("recover", epilog=example("newar run recover 7d9f2c"))(recover_run)
