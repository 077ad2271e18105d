"""`newar log …`: reading and repairing the log. Which commands there are; what each does is in a file of its own."""

from __future__ import annotations

import typer

from ops.commands.log import dead_letters
from ops.commands.log.redrive import redrive_letters
from ops.commands.log.replay import replay_topic
from ops.commands.log.show import show_log
from ops.shell.output import example

commands = typer.Typer(
    help="The log: its rows, what could not become rows, and reading the topic again.", no_args_is_help=True
)
commands.command("show", epilog=example("newar log show --run 7d9f2c --class recipient_permanent"))(show_log)
commands.add_typer(dead_letters.commands, name="dead-letters")
commands.command("redrive", epilog=example("newar log redrive --reason outcome --dry-run"))(redrive_letters)
commands.command("replay", epilog=example("newar log replay --from 6h"))(replay_topic)
