"""`newar run list | show | pause | resume | cancel`: runs by hand. The other commands have files of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated

import msgspec
import typer

from ops.acts import run_acts
from ops.board.answers import NotReached
from ops.board.log_query import query
from ops.board.run_log import RunLog, read_run_log
from ops.commands.run.check import check_run
from ops.commands.run.desk import Desk, ask, tell
from ops.commands.run.extend import extend_run
from ops.commands.run.failures import list_failures
from ops.commands.run.recover import recover_run
from ops.commands.run.retry import retry_run
from ops.commands.run.run_id import RunId
from ops.commands.run.submit import submit_run
from ops.commands.run.try_out import try_out_run
from ops.commands.run.view import RunView, read_runs
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.person import who
from ops.shell.times import lasting

commands = typer.Typer(help="Runs by hand.", no_args_is_help=True)
commands.command("submit", epilog=example("newar run submit people.csv --page 104512345678901 --message hello.json"))(
    submit_run
)

commands.command("check", epilog=example("newar run check people.csv --page 104512345678901 --message hello.json"))(
    check_run
)


@commands.command("list", epilog=example("newar run list --limit 20"))
def list_runs(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50, as_json: AsJson = False
) -> None:
    """List the newest runs, newest first, with their state and progress.

    A run that is held says by whom, and when it expires, if that is soon. One that was refused, waits or will not be
    taken says why.
    """
    runs = ask(lambda desk: read_runs(desk.url, desk.queue, limit=limit))
    if as_json:
        print_json(runs)
        return
    columns = ["RUN", "PAGE", "STATE", "PROGRESS", "RECIPIENTS", "SENT", "OTHERS", "TAKEN", "FINISHED"]
    print_table(columns, [_row(run) for run in runs])
    for run in runs:
        if run.reason:
            typer.echo(f"{run.run_id}: {printable(run.reason)}")


@commands.command(epilog=example("newar run show 7d9f2c"))
def show(run_id: RunId, as_json: AsJson = False) -> None:
    """Show a run's state, counts and progress, and who did not get its message and why."""

    async def read(desk: Desk) -> tuple[RunView, RunLog | None]:
        return await desk.find(run_id), await read_run_log(partial(query, desk.url), run_id)

    run, log = ask(read)
    if as_json:
        unknown = log is None and run.recipients > run.left
        facts = {"log": "unknown", "logged": None} if unknown else {"log": "ok", "logged": log.logged if log else 0}
        print_json({**msgspec.structs.asdict(run), **facts, "not_reached": log.not_reached if log else []})
    else:
        _print_run(run, log)


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


def _row(run: RunView) -> list[object]:
    sent = run.outcomes.get("sent", 0)
    others = run.recipients - run.left - sent
    state = f"{run.state} ({', '.join(run.held_by)})" if run.held_by else run.state
    state += f", expires in {_until(run.expires_at)}" if run.expires_soon else ""
    progress = f"{run.progress:.0%}"
    return [run.run_id, run.page_id, state, progress, run.recipients, sent, others, run.taken_at, run.finished_at]


def _print_run(run: RunView, log: RunLog | None) -> None:
    facts = {**msgspec.structs.asdict(run), "progress": f"{run.progress:.1%}", "held_by": ", ".join(run.held_by)}
    if run.expires_soon:
        facts["expires_soon"] = f"in {_until(run.expires_at)}; newar run extend {run.run_id} --by 1d gives it more time"
    if run.brake_rule:
        facts["held_by"] += f"; newar run resume {run.run_id} lets it go on, cancel ends it"
    facts["outcomes"] = ", ".join(f"{name} {count}" for name, count in run.outcomes.items() if count)
    print_table(["RUN", run.run_id], [(name, value) for name, value in facts.items() if name != "run_id" and value])
    if log is None and run.recipients > run.left:
        typer.echo("\nThe log knows nothing of it, yet or any more: who was not reached cannot be said here.")
    if log is None or not log.not_reached:
        return
    typer.echo("\nNot reached, as far as the log knows:")
    columns = ["OUTCOME", "CLASS", "RECIPIENTS", "EXAMPLES"]
    print_table(columns, [(m.outcome, m.error_class, m.recipients, _examples(m)) for m in log.not_reached])


def _until(moment: datetime | None) -> str:
    return lasting((moment - datetime.now(UTC)).total_seconds()) if moment else "-"


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
