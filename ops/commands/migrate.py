"""`newar migrate`: the log database's schema."""

from __future__ import annotations

import typer

from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json
from ops.shell.service import run_once
from schema.migrate import migrate as apply_missing
from schema.runtime.asyncio_door import aio
from schema.runtime.settings import LogDatabaseSettings

commands = typer.Typer()


@commands.command(epilog=example("newar migrate"))
def migrate(as_json: AsJson = False) -> None:
    """Bring the log database to the current schema. Safe to repeat, and from two places at once."""
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()
    applied = run_once(lambda: aio(apply_missing, url))
    if as_json:
        print_json({"applied": applied})
    else:
        typer.echo("\n".join(f"applied {name}" for name in applied) or "the log database is up to date")
