"""`newar suppression …`: people whom runs leave out, and the deny list. Reading files is not here."""

from __future__ import annotations

import csv
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TypeVar

import msgspec
import psycopg
import trio
import typer
from psycopg.rows import DictRow, dict_row

from ops.acts.people_acts import PeopleDesk, PeopleLifted, deny, lift
from ops.board.log_query import query
from ops.board.suppressions import MOST, BadFilter, SuppressionsAnswer, answer, params
from ops.settings.checked import load_checked
from ops.shell.output import AsJson, example, print_json, print_table, printable
from ops.shell.person import who
from ops.shell.service import run_once
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import LogDatabaseSettings, RedisSettings
from sender.queue.denied_people import DeniedPeople
from sender.runs.by_hand.files.deny_file import Denial, read_denials

T = TypeVar("T")

commands = typer.Typer(help="People whom runs leave out, and the deny list.", no_args_is_help=True)

ANSWER_WITHIN_S = 60.0
_FETCHED_AT_A_TIME = 1000
_SQL = files("ops.board").joinpath("sql/suppressions.sql").read_text("utf-8")


class Reason(StrEnum):
    """Why somebody is left out."""

    GONE = "recipient_gone"
    DENIED = "denied"


class _SuppressionSettings(RedisSettings, LogDatabaseSettings):
    """The list, and the queue with jobs that shall obey it."""


PageId = Annotated[str, typer.Argument(metavar="PAGE", help="The page's number.")]
People = Annotated[list[str], typer.Argument(metavar="PERSON...", help="Ids of the page's people (PSIDs).")]
OfPage = Annotated[str | None, typer.Option("--page", metavar="ID", help="Only those of this page.")]
OfPerson = Annotated[str | None, typer.Option("--person", metavar="ID", help="Only this person's.")]
OfReason = Annotated[Reason | None, typer.Option("--reason", help="Only those for this reason.")]


@commands.command("list", epilog=example("newar suppression list --page 104512345678901"))
def show_suppressions(
    page: OfPage = None,
    person: OfPerson = None,
    reason: OfReason = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")] = 50,
    after: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where a former list ended, as it says in its last line.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List whom runs leave out: who cannot be reached, as Meta said, and who is on a deny list. By page and person.

    Somebody of whom Meta said so gets messages again after writing to the page.
    """
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()
    wanted = _wanted({"page": page, "person": person, "reason": reason, "after": after}, limit)

    async def read() -> SuppressionsAnswer:
        with trio.fail_after(ANSWER_WITHIN_S):
            return answer(await query(url, _SQL, wanted), limit)

    found = run_once(read)
    if as_json:
        print_json(found)
        return
    columns = ["PAGE", "PERSON", "REASON", "SINCE", "RUN", "BY", "NOTE"]
    rows = [(s.page_id, s.recipient_id, s.reason, s.since, s.run_id, s.by_whom, s.note) for s in found.suppressions]
    print_table(columns, rows)
    if braked := {s.run_id for s in found.suppressions if not s.confirmed}:
        typer.echo(
            f"Those of {', '.join(map(str, sorted(braked, key=str)))} do not count: newar run resume confirms them."
        )
    if found.next:
        typer.echo(f"More follow: --after {found.next}")


@commands.command(epilog=example('newar suppression add 104512345678901 7001234567890123 --note "asked us to"'))
def add(
    page_id: PageId,
    people: People,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for those who read the list.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put people on a page's deny list: no run sends to them, nor do jobs that wait already. Ends only by `remove`."""
    _deny([Denial(page_id, person, note) for person in people], "suppression add", as_json)


@commands.command(epilog=example("newar suppression remove 104512345678901 7001234567890123"))
def remove(
    page_id: PageId,
    people: People,
    reason: Annotated[Reason | None, typer.Option(help="Lift only this; both when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lift what keeps people of a page out of its runs: they are sent to by later runs, until Meta says no again."""

    async def lifting(desk: PeopleDesk) -> PeopleLifted:
        with trio.fail_after(ANSWER_WITHIN_S):
            return await lift(desk, page_id, people, reason.value if reason else None, who())

    done = _at_desk(lifting)
    if as_json:
        print_json(done)
    else:
        for one in done.lifted:
            typer.echo(f"page {page_id}: {printable(one.recipient_id)} is no longer left out ({one.reason})")


@commands.command("import", epilog=example("newar suppression import denied.csv --page 104512345678901"))
def import_people(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="CSV or .xlsx with a heading; - is standard input.")],
    page: Annotated[str | None, typer.Option(metavar="ID", help="The page of lines that name none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Put the people of a file on deny lists: all of them, or none when a line cannot be used.

    Columns: recipient_id, page_id (or --page), note. A file of `export` fits too, without its lines of other reasons.
    """
    with _on_disk(file) as path:
        _deny(read_denials(path, page), "suppression import", as_json)


@commands.command(epilog=example("newar suppression export --reason denied > denied.csv"))
def export(page: OfPage = None, person: OfPerson = None, reason: OfReason = None, as_json: AsJson = False) -> None:
    """Write all of them: CSV, or with --json a JSON object on each line."""
    url = load_checked(LogDatabaseSettings).log_database_url.get_secret_value()
    wanted = _wanted({"page": page, "person": person, "reason": reason}, None)
    write = _write_json if as_json else _write_csv
    with psycopg.connect(url, prepare_threshold=None) as connection:
        write(_rows(connection, wanted))


def _deny(entries: Iterable[Any], words: str, as_json: bool) -> None:
    done = _at_desk(lambda desk: deny(desk, entries, words, who()))
    if as_json:
        print_json(done)
    else:
        typer.echo(f"denied: {done.denied} people, {done.changed} of the entries are new or have a new note")


def _at_desk(act: Callable[[PeopleDesk], Awaitable[T]]) -> T:
    settings = load_checked(_SuppressionSettings)

    async def acting() -> T:
        redis = open_redis(settings.redis_url.get_secret_value())
        try:
            return await act(PeopleDesk(DeniedPeople(redis), settings.log_database_url.get_secret_value()))
        finally:
            with trio.move_on_after(1, shield=True):
                await aio(redis.aclose)

    return run_once(acting)


def _wanted(filters: dict[str, str | None], limit: int | None) -> dict[str, Any]:
    try:
        return params(filters, limit)
    except BadFilter as exc:
        raise typer.BadParameter(str(exc).replace("`next` of a former answer", "last line of a former list")) from None


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    """Give standard input a file of its own: what it holds shows only at its beginning, and a sheet's end is needed."""
    if file != "-":
        if not Path(file).is_file():
            raise typer.BadParameter(f"{file} is no file", param_hint="FILE")
        yield Path(file)
        return
    with TemporaryDirectory() as folder:
        path = Path(folder) / "standard input"
        with path.open("wb") as copy:
            copyfileobj(sys.stdin.buffer, copy)
        yield path


def _rows(connection: psycopg.Connection[Any], wanted: dict[str, Any]) -> Iterator[DictRow]:
    """A cursor of the server: the rows are never here, or there, all at once."""
    with connection.cursor("suppressions", row_factory=dict_row) as cursor:
        cursor.itersize = _FETCHED_AT_A_TIME
        statement: Any = _SQL  # ours: as good as a literal
        yield from cursor.execute(statement, wanted)


def _write_json(rows: Iterator[DictRow]) -> None:
    for row in rows:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


COLUMNS = ("page_id", "recipient_id", "reason", "since", "run_id", "by_whom", "note", "confirmed")


def _write_csv(rows: Iterator[DictRow]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        confirmed = "true" if row["confirmed"] else "false"
        note = row["note"] and printable(row["note"])
        writer.writerow({**row, "since": row["since"].isoformat(), "note": note, "confirmed": confirmed}.values())
