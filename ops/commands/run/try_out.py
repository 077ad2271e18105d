"""`newar run test`: one message of a run to somebody who may be tested on."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.acts.run_trial import TryOut, try_out
from ops.acts.settings import TryOutSettings
from ops.commands.run.run_id import RunId
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, printable
from ops.shell.person import who
from ops.shell.service import run_once

commands = typer.Typer()


@commands.command("test", epilog=example("newar run test 7d9f2c --to 7000000000000001"))
def try_out_run(
    run_id: RunId,
    to: Annotated[str, typer.Option(metavar="PSID", help="Who gets it: one of TEST_RECIPIENTS.")],
    like: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="PSID", help="Whose variables are filled in; --to's own, or the first recipient's."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send one message of a run, filled in, to somebody who may be tested on.

    It goes past the queue and is in no figure and no log of the run, but in newar audit; its metadata begins with
    `test`. A person who is tested on is one of the setting TEST_RECIPIENTS.
    """
    settings = load_checked(TryOutSettings)
    done = run_once(lambda: try_out(settings, run_id, to, like, who()))
    if as_json:
        print_json(done)
    else:
        typer.echo(_told(done))
    if done.outcome != "sent":
        raise typer.Exit(1)


def _told(done: TryOut) -> str:
    if done.outcome == "sent":
        return f"sent to {done.recipient_id}, filled in for {done.filled_in_for}: {done.message_id}"
    numbers = "/".join(str(n) for n in (done.error_code, done.error_subcode) if n is not None)
    why = " ".join(filter(None, [done.error_class, numbers, done.error_message]))
    return printable(f"{done.outcome}: {why}")
