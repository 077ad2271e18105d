"""Dead letters, after a mend, into the log: for command, API and cockpit alike. It needs the log database alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any

import msgspec
from psycopg import AsyncConnection

from ingest.mending.dead_letters import Wanted, count_letters
from ingest.mending.edit import Edit
from ingest.mending.redrive import Redriven, Tried, try_again, write_again
from ops.acts.log_connections import MendingSettings, open_database, open_writer
from ops.acts.not_done import ActRefused
from schema.runtime.asyncio_door import aio

MOST_AT_ONCE = 10_000
"""Over HTTP: more would take longer than a browser waits."""


async def put_back(settings: MendingSettings, expect: int, reason: str | None, who: str) -> Redriven:
    """Put those whose reason contains this (None: all) into the log, where they are as many as expected.

    What was done when it is cut off stays done.

    Raises:
        ActRefused: they are others, or too many at once.
        CannotNow, psycopg.Error: the log database is not known here, or away.
    """
    wanted, done = Wanted(reason=reason), Redriven()

    async def put() -> None:
        async with open_database(settings) as connection:
            found = sum(one.letters for one in await count_letters(connection, wanted))
        if found != expect:
            raise ActRefused(
                "there are %(n)s dead letters now, and %(expect)s were expected: nothing was done",
                n=found,
                expect=expect,
            )
        if found > MOST_AT_ONCE:
            raise ActRefused(
                "%(n)s dead letters are more than the %(most)s that can be put back over HTTP at once: say which with "
                "reason, or use newar log redrive",
                n=found,
                most=MOST_AT_ONCE,
            )
        await redrive(settings, wanted, None, who, done)

    await aio(put)
    return done


async def redrive(settings: MendingSettings, wanted: Wanted, expression: str | None, who: str, done: Redriven) -> None:
    """Put these into the log, as an edit (SQL) makes them, and count them in `done`. Asyncio code.

    Raises:
        EditRefused: the edit can be used for none.
        psycopg.Error: the log database is away or refuses.
    """
    async with attempts(settings, wanted, expression) as (connection, tries), open_writer(settings) as writer:
        note = await _note(connection, wanted, expression, who)
        try:
            async for tried in tries:
                await write_again(connection, writer, tried, done)
        finally:
            await _finish_note(connection, note, done)  # noqa: ASYNC102 - asyncio: a cancellation is delivered once


@asynccontextmanager
async def attempts(
    settings: MendingSettings, wanted: Wanted, expression: str | None
) -> AsyncIterator[tuple[AsyncConnection[Any], AsyncIterator[list[Tried]]]]:
    """A connection, and the dead letters there are, as they read now. Asyncio code; errors as of `redrive`."""
    async with open_database(settings) as connection, open_database(settings) as for_edit:
        edit = None if expression is None else Edit(for_edit, expression)
        if edit is not None:
            await edit.check()
        yield connection, try_again(connection, wanted, edit, await _now(connection))


def told(done: Redriven) -> str:
    """Return what became of them in words."""
    text = f"{done.tried} dead letters: {done.rows} are rows now, {done.repeated} were in the log already"
    text += f", {done.corrected} corrected rows" if done.corrected else ""
    text += f", {done.stay} stay" + (f" ({done.conflicting} conflict with a row)" if done.conflicting else "")
    return text + (f", {done.too_old} are too old to be kept" if done.too_old else "")


async def _now(connection: AsyncConnection[Any]) -> datetime:
    answer = await connection.execute("SELECT clock_timestamp()")
    [(now,)] = await answer.fetchall()
    moment: datetime = now
    return moment


def _statement(name: str) -> bytes:
    return files("ops.acts").joinpath("sql", f"{name}.sql").read_bytes()


async def _note(connection: AsyncConnection[Any], wanted: Wanted, edit: str | None, who: str) -> int:
    """Note the act before it is done, so that none is without its entry."""
    chosen = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None}
    if wanted.places:
        chosen["places"] = len(wanted.places)
    detail = ", ".join(f"{name} {value}" for name, value in chosen.items()) or "all"
    detail = (f"{detail}; edit {edit}" if edit else detail)[:2000]
    answer = await connection.execute(_statement("redrive_note"), {"who": who, "detail": detail})
    [(entry,)] = await answer.fetchall()
    return int(entry)


async def _finish_note(connection: AsyncConnection[Any], entry: int, done: Redriven) -> None:
    await connection.execute(_statement("redrive_done"), {"id": entry, "detail": told(done)})
