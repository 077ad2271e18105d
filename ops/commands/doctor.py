"""`newar doctor`: prints what the checks in ops/doctor find."""

from __future__ import annotations

import typer

from ops.shell.exits import FAILED, WRONG_USAGE
from ops.shell.output import AsJson, example, print_json, printable

commands = typer.Typer()


@commands.command(epilog=example("newar doctor"))
def doctor(as_json: AsJson = False) -> None:
    """Check settings, servers, versions, permissions, clocks and durability: a line each, with what to do."""
    from ops.doctor.examine import examine  # noqa: PLC0415 - imports every client library; other commands need not

    found = examine()
    if as_json:
        print_json(found)
    else:
        for f in found:
            typer.echo(printable(f"{f.status:<4}  {f.part:<16}  {f.text}" + (f" -> {f.mend}" if f.mend else "")))
    failed = [f for f in found if f.status == "fail"]
    wrong = any(f.part == "settings" for f in failed)
    raise typer.Exit(WRONG_USAGE if wrong else FAILED if failed else 0)
