"""Makes docs/commands.md of the command line: `python -m ops.generated_docs.commands_page > docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer.main

from ops.cli import app
from ops.commands import fakegraph

_HEAD = """\
# Commands

`newar COMMAND --help` says the same. `python -m ops` is `newar` too. Results go to stdout, logs to stderr. Exit codes:
0 done, 1 failed, 2 wrong usage or settings. `newar --version` says which one this is; `newar --install-completion` lets
bash, zsh, fish and PowerShell complete commands and options.

This page is made from the command line itself: `python -m ops.generated_docs.commands_page > docs/commands.md`.
"""


def page() -> str:
    """Return the text of docs/commands.md."""
    return "\n".join([_HEAD, *("\n".join(_section(path, command)) for path, command in leaf_commands())])


def leaf_commands() -> list[tuple[str, Any]]:
    """Return every command that does something, by its whole name (`newar run submit`)."""
    return list(_leaves("newar", typer.main.get_command(app)))


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None or command.invoke_without_command:
        yield path, command
    if inner is None:
        return
    for name in command.list_commands(None):
        if not (sub := command.get_command(None, name)).hidden:
            yield from _leaves(f"{path} {name}", sub)


def _section(path: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    if path == fakegraph.NAME:
        yield f"## `{path}`\n\n{command.help}\n\n```\n{fakegraph.parser().format_help().rstrip()}\n```\n"
        return
    yield f"## `{' '.join([path, *(_metavar(a) for a in arguments)])}`\n"
    yield f"{command.help}\n"
    rows = [*arguments, *options]
    if rows:
        yield "| | |"
        yield "| --- | --- |"
    for parameter in rows:
        yield f"| `{_left(parameter)}` | {_right(parameter)} |".replace("open|close", "open\\|close")
    yield f"{chr(10) if rows else ''}    {command.epilog.removeprefix('Example: ')}\n"


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _left(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _metavar(parameter)
    name = parameter.opts[0]
    return name if parameter.is_flag else f"{name} {_metavar(parameter)}".replace("|", "\\|")


def _right(parameter: Any) -> str:
    default = parameter.default
    more = "; required" if parameter.required and parameter.param_type_name == "option" else ""
    more = f"; default {default}" if default not in (None, False) and not callable(default) else more
    return f"{str(parameter.help).rstrip('.')}{more}".replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
