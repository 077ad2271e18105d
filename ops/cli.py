"""The command `newar`: which commands there are. What each does is in `commands/`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.commands import (
    audit,
    bench,
    demo,
    doctor,
    fakegraph,
    health,
    limits,
    migrate,
    page,
    partitions,
    pause,
    person_erase,
    services,
    suppression,
    up,
)
from ops.commands.log import log
from ops.commands.run import run
from ops.shell.exits import Commands
from schema.runtime.logging import configure_logging
from schema.runtime.version import version

app = typer.Typer(
    name="newar",
    cls=Commands,
    help="Sends broadcasts on Facebook Messenger: fast, fairly and truthfully.",
    epilog="Settings come from the environment or a file .env; docs/settings.md has them all. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage or settings. NEWAR_DEBUG=1 shows tracebacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"newar {version() or 'not installed, run from its folder'}")
        raise typer.Exit


@app.callback()
def _prepare(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    configure_logging("newar")


# In the order of the help.
app.add_typer(demo.commands)
app.add_typer(up.commands)
app.add_typer(services.commands)
app.add_typer(migrate.commands)
app.add_typer(partitions.commands, name="partitions")
app.add_typer(run.commands, name="run")
app.add_typer(page.commands, name="page")
app.add_typer(suppression.commands, name="suppression")
app.add_typer(person_erase.commands, name="person")
app.add_typer(limits.commands, name="limits")
app.add_typer(pause.commands)
app.add_typer(log.commands, name="log")
app.add_typer(audit.commands)
app.add_typer(doctor.commands)
app.add_typer(health.commands)
app.add_typer(fakegraph.commands)
app.add_typer(bench.commands, name="bench")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    app(prog_name="newar")


if __name__ == "__main__":
    main()
