"""`newar up`: all four services."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.settings.ignored_names import warn_of_each_name
from ops.shell.output import example, is_terminal
from ops.shell.service import run_service
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop

commands = typer.Typer()


@commands.command(epilog=example("newar up --data ./newar-data"))
def up(
    data: Annotated[Path, typer.Option(help="folder of the local servers and the encryption key")] = Path(".newar"),
) -> None:
    """Run all services, on local servers where no address is configured, until stopped."""
    from ops.api.settings import how_to_sign_in  # noqa: PLC0415 - these imports take a second
    from ops.up.serve_all import up as serve  # noqa: PLC0415

    configure_logging("up")
    warn_of_each_name()

    def show_token(token: str) -> None:
        typer.echo(f"newar: {how_to_sign_in(token)}", err=True)

    async def main(stop: Stop) -> None:
        await serve(data.absolute(), stop, show_token=show_token, terminal=is_terminal(sys.stderr))

    run_service("up", main, drain_s=30)
