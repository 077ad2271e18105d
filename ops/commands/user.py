"""`newar user …`: people who may sign in to the cockpit, and keys of programs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import trio
import typer

from ops.access.access_database import AccessDatabase
from ops.access.names import role_named
from ops.access.passwords import Passwords
from ops.access.users import User, Users
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from schema.runtime.settings import LogDatabaseSettings
from schema.runtime.text_files import UTF8

T = TypeVar("T")

commands = typer.Typer(help="People who may sign in, and keys of programs.", no_args_is_help=True)
key_commands = typer.Typer(help="Keys by which programs use the API.", no_args_is_help=True)
commands.add_typer(key_commands, name="key")

MOST_BYTES = 4096


class RoleName(StrEnum):
    """What somebody may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


UserName = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits, . @ _ + -")]
OfRole = Annotated[
    RoleName, typer.Option("--role", help="viewer looks, operator steers and sends, admin says who may come in.")
]
OfPages = Annotated[
    list[str] | None, typer.Option("--page", metavar="ID", help="Only this page; may be repeated. None: every page.")
]
FromFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="File whose first line is the password; without it you are asked.")
]


@commands.command(epilog=example("newar user add maria --role operator --page 104512345678901"))
def add(name: UserName, role: OfRole = RoleName.VIEWER, page: OfPages = None, password_file: FromFile = None) -> None:
    """Let somebody sign in, with a password of 12 characters or more."""
    password = _password(password_file)
    _with_users(lambda users: users.add(name, password, role_named(role), page, who()))
    typer.echo(f"user {name} may sign in, as {role.value}")


@commands.command("list", epilog=example("newar user list --json"))
def show_users(as_json: AsJson = False) -> None:
    """List who may sign in, and when they were last seen."""
    found = _with_users(Users.all)
    if as_json:
        print_json(found)
        return
    columns = ["NAME", "ROLE", "PAGES", "BY", "SESSIONS", "LAST SEEN", ""]
    print_table(columns, map(_cells, found))


@commands.command(epilog=example("newar user change maria --role admin --all-pages"))
def change(
    name: UserName,
    role: Annotated[RoleName | None, typer.Option("--role", help="Their role from now on.")] = None,
    page: OfPages = None,
    all_pages: Annotated[bool, typer.Option("--all-pages", help="They see every page from now on.")] = False,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Whether to keep them out, or let them in again.")
    ] = None,
) -> None:
    """Change what somebody may. Their sessions end: they sign in anew."""
    if role is None and not page and not all_pages and disabled is None:
        raise typer.BadParameter("say what to change: --role, --page, --all-pages, --disable or --enable")
    if page and all_pages:
        raise typer.BadParameter("--page or --all-pages, not both")
    wanted = role_named(role) if role else None
    _with_users(
        lambda users: users.change(name, who(), role=wanted, pages=page, all_pages=all_pages, disabled=disabled)
    )
    typer.echo(f"user {name} is changed, and has to sign in anew")


@commands.command(epilog=example("newar user password maria"))
def password(name: UserName, password_file: FromFile = None) -> None:
    """Give somebody another password. Their sessions end."""
    new = _password(password_file)
    _with_users(lambda users: users.set_password(name, new, who()))
    typer.echo(f"user {name} has another password, and has to sign in anew")


@commands.command(epilog=example("newar user remove maria"))
def remove(name: UserName) -> None:
    """Let somebody in no more. Their sessions end at once."""
    _with_users(lambda users: users.remove(name, who()))
    typer.echo(f"user {name} is removed")


@key_commands.command("add", epilog=example("newar user key add crm --role operator --page 104512345678901"))
def add_key(name: UserName, role: OfRole = RoleName.VIEWER, page: OfPages = None, as_json: AsJson = False) -> None:
    """Make a key for a program and print it, once: only its hash is kept. Sent as Authorization: Bearer KEY."""
    secret = _with_users(lambda users: users.add_key(name, role_named(role), page, who()))
    if as_json:
        print_json({"name": name, "role": role.value, "pages": page or None, "key": secret})
    else:
        typer.echo(secret)
        typer.echo("This is shown now and never again; programs send it as Authorization: Bearer KEY.", err=True)


@key_commands.command("list", epilog=example("newar user key list"))
def show_keys(as_json: AsJson = False) -> None:
    """List the keys that count, and when each was last used."""
    found = _with_users(Users.keys)
    if as_json:
        print_json(found)
        return
    rows = [(k.name, k.role, _pages(k.pages), k.created_at, k.created_by, k.last_used_at) for k in found]
    print_table(["NAME", "ROLE", "PAGES", "MADE", "BY", "LAST USED"], rows)


@key_commands.command("remove", epilog=example("newar user key remove crm"))
def remove_key(name: UserName) -> None:
    """Let nobody in with this key any more."""
    _with_users(lambda users: users.remove_key(name, who()))
    typer.echo(f"key {name} is removed")


def _with_users(act: Callable[[Users], Awaitable[T]]) -> T:
    """Do something about users; every error has its line."""
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()

    async def doing() -> T:
        database = AccessDatabase(url)
        try:
            return await act(Users(database, Passwords()))
        finally:
            with trio.move_on_after(1, shield=True):
                await database.close()

    return run_once(doing)


def _password(file: Path | None) -> str:
    """Return the password from a file, or from the person at the terminal; never from an argument, which others see.

    Raises:
        CommandFailed: the file cannot be read as one.
    """
    if file is None:
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES).decode(UTF8).partition("\n")[0].removesuffix("\r")
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandFailed(f"{file} cannot be read as a file with a password in UTF-8") from exc


def _pages(pages: list[str] | None) -> str:
    return "all" if pages is None else " ".join(pages)


def _cells(user: User) -> tuple[object, ...]:
    by = "provider" if user.by_provider else "password"
    kept_out = "disabled" if user.disabled else ""
    return user.name, user.role, _pages(user.pages), by, user.sessions, user.last_seen_at, kept_out
