"""The deny list by hand, and lifting suppressions, in the log database: it counts for all later runs. Asyncio code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec
from psycopg import AsyncConnection

from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.files.deny_file import Denial, denial_problems
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.submit import SHOWN_PROBLEMS
from sender.runs.databases.database import statement

_statement = partial(statement, room="by_hand")


class Denied(msgspec.Struct, frozen=True):
    """What was put on the list."""

    changed: int
    """Entries that are new, or have a new note."""
    people: dict[str, list[str]]
    """Page -> people, those that were there already among them."""


async def deny(url: str, entries: Iterable[Denial | BadLine], who: str) -> Denied:
    """Put people on their pages' deny lists in one transaction, all or nothing.

    Args:
        url: the log database, migrated.
        entries: as `deny_file` reads them, or made by hand.
        who: does it.

    Raises:
        BadFile: entries cannot be used; all are counted, the first are named.
        psycopg.Error: the database cannot be reached or refuses.
    """
    problems: list[str] = []
    bad, people = 0, dict[str, list[str]]()
    async with (
        await AsyncConnection.connect(url, prepare_threshold=None) as connection,
        connection.cursor() as cursor,
    ):
        await cursor.execute(_statement("deny_stage"))
        async with cursor.copy(_statement("deny_copy")) as copy:
            for entry in entries:
                problem = str(entry) if isinstance(entry, BadLine) else "; ".join(denial_problems(entry))
                if problem:
                    bad += 1
                    problems += [problem] if len(problems) < SHOWN_PROBLEMS else []
                elif not bad and isinstance(entry, Denial):
                    await copy.write_row((entry.page_id, entry.recipient_id, entry.note))
                    people.setdefault(entry.page_id, []).append(entry.recipient_id)
            if bad:
                raise BadFile(problems, bad)
        if not people:
            raise BadFile(["the file names nobody"], 1)
        await cursor.execute(_statement("deny"), {"who": who})
        changed = cursor.rowcount
    return Denied(changed, people)  # leaving the connection's block without an error has committed


async def lift(url: str, page_id: str, recipient_ids: list[str], reasons: list[str]) -> list[tuple[str, str]]:
    """Lift what suppresses these people for one of these reasons; return who and why. Errors: psycopg.Error."""
    async with await AsyncConnection.connect(url, prepare_threshold=None) as connection:
        wanted = {"page_id": page_id, "recipient_ids": recipient_ids, "reasons": reasons}
        answer = await connection.execute(_statement("lift"), wanted)
        return [(recipient_id, reason) for recipient_id, reason in await answer.fetchall()]
