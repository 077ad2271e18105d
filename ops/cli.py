"""The command `newar`: which commands there are. What each does is in `commands/`."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.shell.collector import spare_the_collector
from ops.shell.late_commands import LateCommands
from ops.shell.streams import hold_every_text
from schema.runtime.version import version

app = typer.Typer(
    name="newar",
    cls=LateCommands,
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
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand == "health":
        return  # which logs nothing, and is asked often
    from schema.runtime.logging import configure_logging  # noqa: PLC0415 - help does without it, too

    configure_logging("newar")


def main() -> None:
    """Run the command line and end the process with its exit code."""
    hold_every_text()
    spare_the_collector()
    app(prog_name="newar")


if __name__ == "__main__":
    main()
