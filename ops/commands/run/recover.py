"""`newar run recover`: the rest of a run whose queue was lost."""

from __future__ import annotations

import msgspec
import typer

from ops.acts.run_recovery import recover_run as act
from ops.acts.run_recovery import untraced
from ops.acts.settings import RecoverSettings
from ops.commands.run.run_id import RunId
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json
from ops.shell.person import who
from ops.shell.service import run_once

commands = typer.Typer()


@commands.command("recover", epilog=example("newar run recover 7d9f2c"))
def recover_run(run_id: RunId, as_json: AsJson = False) -> None:
    """Send what is left of a run whose queue was lost: to those without an outcome in the log.

    Only when the queue is gone for good. When merely REDIS_URL was wrong, set it back: the run then goes on by itself.
    A queue whose runs were recovered must never be used again.

    Nobody whose outcome is in the log is sent to again, and senders that were alive log even what was on its way.
    Senders that died together with the queue cannot: of each, at most WORKER_CONCURRENCY x GRAPH_BATCH_SIZE messages,
    and those events that the broker had not taken yet, may have left without a trace; these go out twice.
    """
    settings = load_checked(RecoverSettings)
    recovered = run_once(lambda: act(settings, run_id, who()))
    if as_json:
        print_json({**msgspec.structs.asdict(recovered), "untraced_per_dead_sender": untraced(settings)})
        return
    at_most = "" if recovered.complete else "at most "
    typer.echo(
        f"run {run_id}: {at_most}{recovered.ended} recipients keep their outcome; the run processor enqueues the others"
    )
    typer.echo(
        f"For each sender that died together with the queue, up to {untraced(settings)} messages may have left "
        "without a trace and go out again; for those that lived on, none."
    )
    if not recovered.complete:
        typer.echo("The log no longer has the days on which it began: who got the message then would GET IT AGAIN.")
    elif recovered.held:
        typer.echo("It was being cancelled, or a rule had braked it.")
    if recovered.held:
        typer.echo(f"It is held now: newar run cancel {run_id} ends it, resume sends the rest.")
