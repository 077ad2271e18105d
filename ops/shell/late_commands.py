"""The commands of `newar`, each imported when it is asked for: all of them take a second and 25 MB."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
import typer.main

from ops.shell.exits import Commands

_MODULES = {
    "demo": "demo",
    "up": "up",
    "runs": "services",
    "sender": "services",
    "ingest": "services",
    "api": "services",
    "migrate": "migrate",
    "partitions": "partitions",
    "run": "run.run",
    "page": "page",
    "suppression": "suppression",
    "person": "person_erase",
    "limits": "limits",
    "pause": "pause",
    "resume": "pause",
    "log": "log.log",
    "audit": "audit",
    "user": "user",
    "doctor": "doctor",
    "health": "health",
    "fakegraph": "fakegraph",
    "bench": "bench",
}
"""Command -> where it is in ops.commands, in the order of the help."""
_GROUPS = frozenset({"partitions", "run", "page", "suppression", "person", "limits", "log", "user", "bench"})
"""Those that have commands below them."""


class LateCommands(Commands):
    """The root of the command line."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names: Any = dict.fromkeys(_MODULES)
        self.commands = names  # by which misspelt ones are corrected

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or a group of them; None: there is none of that name."""
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"ops.commands.{_MODULES[cmd_name]}")
        app = typer.Typer(rich_markup_mode=None)
        app.add_typer(module.commands, name=cmd_name if cmd_name in _GROUPS else None)
        group: Any = typer.main.get_group(app)
        return group.commands[cmd_name]
