"""Groups whose commands are imported when they are asked for: all of them take a second, and 25 MB."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from ops.shell.exits import Commands


class Late(NamedTuple):
    """A command that is not imported yet."""

    module: str
    """In `ops.commands`; its `commands` is an app that has the command, or is the group."""
    help: str
    """The first sentence of its help, for the list of commands."""
    is_group: bool = False


class LateGroup(TyperGroup):
    """A group that knows its commands by a table only."""

    table: ClassVar[Mapping[str, Late]]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        names: Any = dict.fromkeys(self.table)
        self.commands = names  # by which misspelt ones are corrected

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or a group of them; None: there is none of that name."""
        if cmd_name not in self.table:
            return None
        late = self.table[cmd_name]
        app = typer.Typer(rich_markup_mode=None)
        app.add_typer(import_module(f"ops.commands.{late.module}").commands, name=cmd_name if late.is_group else None)
        group: Any = typer.main.get_group(app)
        return group.commands[cmd_name]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, none of which is imported for it."""
        listed = TyperGroup(commands=[TyperCommand(name, help=late.help) for name, late in self.table.items()])
        listed.format_commands(ctx, formatter)


class LateCommands(LateGroup, Commands):
    """The root of the command line, in the order of its help."""

    table: ClassVar[Mapping[str, Late]] = {
        "demo": Late(
            "demo",
            "Send a broadcast end to end on local real servers against a stand-in Graph API, and prove the result.",
        ),
        "up": Late("up", "Run all services, on local servers where no address is configured, until stopped."),
        "runs": Late(
            "services",
            "Take runs from the source database and put their messages into the queue, until stopped.",
        ),
        "sender": Late("services", "Send what is in the queue through the Graph API, until stopped."),
        "ingest": Late("services", "Write the log topic into the log database, until stopped."),
        "api": Late("services", "Serve health, figures, metrics, the API and the cockpit over HTTP, until stopped."),
        "migrate": Late("migrate", "Bring the log database to the current schema."),
        "partitions": Late("partitions", "The log's day partitions, for cron.", is_group=True),
        "run": Late("run.run", "Runs by hand.", is_group=True),
        "page": Late("page", "Pages by hand.", is_group=True),
        "suppression": Late("suppression", "People whom runs leave out, and the deny list.", is_group=True),
        "person": Late("person_erase", "People: removing one everywhere.", is_group=True),
        "limits": Late("limits", "How fast pages may go, and why.", is_group=True),
        "pause": Late("pause", "Stop sending altogether until `newar resume --all`."),
        "resume": Late("pause", "End a pause of everything, whether it was made by hand or came from Meta's answers."),
        "log": Late(
            "log.log", "The log: its rows, what could not become rows, and reading the topic again.", is_group=True
        ),
        "audit": Late(
            "audit",
            "List what people did, newest first: who paused, cancelled, changed what, signed in, or was refused.",
        ),
        "user": Late("user", "People who may sign in, and keys of programs.", is_group=True),
        "doctor": Late(
            "doctor",
            "Check settings, servers, versions, permissions, clocks and durability: a line each, with what to do.",
        ),
        "health": Late("health", "Say whether a service runs on this host: exit code 0 when it does, 1 when not."),
        "fakegraph": Late(
            "fakegraph",
            "Serve a stand-in Graph API, for trying things out; GRAPH_API_URL of the sender points to it.",
        ),
        "bench": Late("bench", "Measure, on servers started for it.", is_group=True),
    }
