"""`newar log dead-letters`: the messages that no row could hold. What they hold is for whoever runs the command."""

from __future__ import annotations

import base64
import sys
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from psycopg import AsyncConnection

from ingest.mending.dead_letters import (
    FIRST_BYTES,
    Heading,
    Letter,
    Place,
    ReasonCount,
    Wanted,
    count_letters,
    find_letter,
    list_headings,
    raw_of,
    read_letters,
)
from ops.commands.log.chosen import OfPartition, OfReason, Since, places_of, storable
from ops.commands.log.database import with_database
from ops.commands.log.shown_bytes import escaped, shown
from ops.settings.checked import load_checked
from ops.shell.exits import CommandFailed
from ops.shell.output import AsJson, example, is_terminal, print_table, printable
from schema.runtime.settings import LogDatabaseSettings

commands = typer.Typer(invoke_without_command=True)

_SHOWN = 50
_PLACE = Annotated[str, typer.Argument(metavar="PLACE", help="As the list says it.")]


@commands.callback(epilog=example("newar log dead-letters --since 2d --reason outcome"))
def dead_letters(
    context: typer.Context,
    reason: OfReason = None,
    since: Since = None,
    partition: OfPartition = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"How many at most; {_SHOWN}, with --json all of them.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="MARK", help="Where a former list ended, as its last line says.")
    ] = None,
    count: Annotated[bool, typer.Option("--count", help="Say how many there are for which reason.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the messages of the topic that no row could hold, newest first, and why.

    With --json all of them, whole, an object on each line: `raw` is the message as text, `raw_base64` where it is none.
    """
    if context.invoked_subcommand is not None:
        return
    wanted = Wanted(reason=storable(reason, "--reason"), since=since, partition=partition)
    settings = load_checked(LogDatabaseSettings)
    if count:
        _print_counts(with_database(settings, lambda connection: count_letters(connection, wanted)), as_json)
    elif as_json:
        with_database(settings, lambda connection: _export(connection, wanted, limit))
    else:
        place = _mark(after) if after else None
        most = limit or _SHOWN
        _print_list(with_database(settings, lambda c: list_headings(c, wanted, most, place)), most)


@commands.command(epilog=example("newar log dead-letters show 'cluster/newar.message-log.v1//3/1742' --raw > message"))
def show(
    place: _PLACE,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the message's bytes as they are, and nothing else.")
    ] = False,
) -> None:
    """Show a message and why no row could hold it.

    Text is shown with escapes for what a terminal would obey, anything else as hex; only the beginning of a long one.
    """
    [wanted] = places_of([place])
    settings = load_checked(LogDatabaseSettings)
    if raw:
        if is_terminal(sys.stdout):
            raise typer.BadParameter("a terminal would obey what is in it: write it into a file, with > FILE")
        with_database(settings, lambda connection: _write_raw(connection, wanted))
    else:
        _print_letter(with_database(settings, lambda connection: _found(connection, wanted)))


async def _found(connection: AsyncConnection[Any], place: Place) -> Letter:
    letter = await find_letter(connection, place)
    if letter is None:
        raise CommandFailed(f"there is no dead letter {escaped(str(place))}: newar log dead-letters lists them")
    return letter


async def _write_raw(connection: AsyncConnection[Any], place: Place) -> None:
    await _found(connection, place)
    async for some in raw_of(connection, place):
        sys.stdout.buffer.write(some)
    sys.stdout.buffer.flush()


async def _export(connection: AsyncConnection[Any], wanted: Wanted, limit: int | None) -> None:
    async with aclosing(read_letters(connection, wanted, limit)) as letters:
        async for letter in letters:
            sys.stdout.write(json_line(letter))


def json_line(letter: Letter) -> str:
    """Return a dead letter as a line of JSON without any character that a terminal would obey."""
    try:
        raw: dict[str, str] = {"raw": letter.raw.decode()}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(letter.raw).decode()}
    facts = {"place": str(letter.place), "received_at": letter.received_at, "reason": letter.reason}
    text = msgspec.json.encode({**facts, "bytes": letter.size, **raw}).decode()
    return escaped(text) + "\n"


def _print_list(found: Sequence[Heading], limit: int) -> None:
    """Plain lines: a table would break places in a narrow window, and they are to be copied."""
    places = [escaped(str(one.place)) for one in found]
    width = max(map(len, ["PLACE", *places]))
    typer.echo(f"{'PLACE':<{width}}  {'RECEIVED':<20}  {'BYTES':>9}  REASON")
    for place, one in zip(places, found, strict=True):
        received = one.received_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        typer.echo(f"{place:<{width}}  {received}  {one.size:>9}  {printable(one.reason)}")
    if len(found) == limit:
        last = found[-1]
        typer.echo(f"More may follow: --after '{last.received_at.isoformat()}/{escaped(str(last.place))}'")


def _mark(text: str) -> tuple[datetime, Place]:
    at, _, place = text.partition("/")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise typer.BadParameter("copy it from the last line of a former list", param_hint="--after")
    return moment, places_of([place])[0]


def _print_counts(found: Sequence[ReasonCount], as_json: bool) -> None:
    if as_json:
        typer.echo(escaped(msgspec.json.encode(found).decode()))
        return
    rows = [(one.letters, one.size, one.oldest_at, one.newest_at, one.reason) for one in found]
    print_table(["LETTERS", "BYTES", "OLDEST", "NEWEST", "REASON (# FOR NUMBERS)"], rows)


def _print_letter(letter: Letter) -> None:
    facts = [("received", letter.received_at), ("reason", letter.reason), ("bytes", letter.size)]
    print_table(["PLACE", str(letter.place)], facts)
    cut = letter.size > len(letter.raw)
    typer.echo("\n" + shown(letter.raw, cut=cut))
    if cut:
        typer.echo(f"\nThese are the first {FIRST_BYTES} bytes of {letter.size}; --raw > FILE writes all of them.")
