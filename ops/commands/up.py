"""`newar up`: all four services in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ops.commands.output import example
from ops.service import run_service

commands = typer.Typer()


@commands.command(epilog=example("newar up --data ./newar-data"))
def up(
    data: Annotated[Path, typer.Option(help="folder of the local servers and the encryption key")] = Path(".newar"),
) -> None:
    """Run all services, on local servers where no address is configured, until stopped."""
    from ops.up import up as serve  # noqa: PLC0415 - its imports take a second

    run_service("up", lambda stop: serve(data.absolute(), stop), drain_s=30)
