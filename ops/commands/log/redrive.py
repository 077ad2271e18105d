"""`newar log redrive`: dead letters, after a mend, into the log."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from psycopg import AsyncConnection

from ingest.mending.dead_letters import Wanted, count_letters
from ingest.mending.redrive import Redriven, Tried, reasons
from ingest.writing.rows import Row
from ops.acts.log_redrive import attempts, redrive, told
from ops.commands.log.chosen import OfPartition, OfReason, Since, places_of, storable
from ops.commands.log.database import Yes, ask, with_database
from ops.commands.log.shown_bytes import escaped, shown
from ops.commands.partitions import PartitionSettings
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, print_json, print_table
from ops.shell.person import who
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio

ASKS_ABOVE = 100
_EXAMPLES = 3
_SHOWN_BYTES = 1000


class Tryout(msgspec.Struct):
    """What a dry run found."""

    letters: int = 0
    readable: int = 0
    """Would become rows, unless the database refuses them."""
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    """Reason -> how many would stay."""
    examples: list[dict[str, str]] = msgspec.field(default_factory=list)


def redrive_letters(
    places: Annotated[
        list[str] | None, typer.Argument(metavar="PLACE", help="As newar log dead-letters says them.")
    ] = None,
    reason: OfReason = None,
    since: Since = None,
    partition: OfPartition = None,
    everything: Annotated[bool, typer.Option("--all", help="Every dead letter there is.")] = False,
    edit: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="An expression over event (jsonb) that gives what to read instead."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, with examples.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Put dead letters into the log after a mend. Each is gone once its row is written; those still refused stay.

    --edit is SQL that the log database evaluates for each message, `event`, as jsonb. This renames a field:
    --edit "event - 'recipient' || jsonb_build_object('recipient_id', event->'recipient')", and this sets one:
    --edit "event || jsonb_build_object('outcome', 'failed')". It runs with the rights of the login, in a transaction
    that can only read, for 5 s at most.
    """
    settings = load_checked(PartitionSettings)
    wanted = _wanted(places, storable(reason, "--reason"), since, partition, everything)
    edit = storable(edit, "--edit")
    if dry_run:
        _print_tryout(run_once(lambda: aio(_try_out, settings, wanted, edit)), as_json)
        return
    count = with_database(settings, lambda connection: _count(connection, wanted))
    if count > ASKS_ABOVE:
        ask(f"Put {count} dead letters into the log?", yes=yes)
    done = Redriven()
    try:
        run_once(lambda: aio(redrive, settings, wanted, edit, who(), done))
    except KeyboardInterrupt:
        typer.echo("newar: stopped. What was done until then:", err=True)
        raise typer.Exit(130) from None
    finally:
        _print(done, as_json)


def _wanted(
    places: list[str] | None, reason: str | None, since: datetime | None, partition: int | None, everything: bool
) -> Wanted:
    chosen = (reason, since, partition)
    if not places and not everything and all(value is None for value in chosen):
        raise typer.BadParameter("say which: places, --reason, --since or --partition, or --all")
    if everything and (places or any(value is not None for value in chosen)):
        raise typer.BadParameter("--all is every dead letter: leave it out, or the others")
    of = places_of(places) if places else None
    return Wanted(places=of, reason=reason, since=since, partition=partition)


async def _count(connection: AsyncConnection[Any], wanted: Wanted) -> int:
    return sum(found.letters for found in await count_letters(connection, wanted))


async def _try_out(settings: PartitionSettings, wanted: Wanted, expression: str | None) -> Tryout:
    found, refused = Tryout(), Counter[str]()
    async with attempts(settings, wanted, expression) as (_, tries):
        async for tried in tries:
            found.letters += len(tried)
            found.readable += sum(isinstance(one.read, Row) for one in tried)
            refused += reasons(tried)
            found.examples += [_example(one) for one in tried[: max(0, _EXAMPLES - len(found.examples))]]
    found.refused = dict(refused.most_common(20))
    return found


def _print(done: Redriven, as_json: bool) -> None:
    if as_json:
        print_json(done)
    else:
        typer.echo(told(done))


def _example(tried: Tried) -> dict[str, str]:
    one = {"place": str(tried.letter.place), "message": _text(tried.letter.raw)}
    if tried.value != tried.letter.raw:
        one["edited"] = _text(tried.value)
    return one if isinstance(tried.read, Row) else {**one, "refused": tried.read.reason}


def _text(raw: bytes) -> str:
    return shown(raw[:_SHOWN_BYTES], cut=len(raw) > _SHOWN_BYTES)


def _print_tryout(found: Tryout, as_json: bool) -> None:
    if as_json:
        typer.echo(escaped(msgspec.json.encode(found).decode()))
        return
    for one in found.examples:
        for name, text in one.items():
            typer.echo(f"{name + ':':<9} {escaped(text, newlines=True)}")
        typer.echo("")
    typer.echo(f"{found.letters} dead letters: {found.readable} can be rows, as far as shows without writing them.")
    if found.refused:
        print_table(["STAY", "REASON"], [(count, reason) for reason, count in found.refused.items()])
