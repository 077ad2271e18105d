"""Copying rows into the log: all at once, or with a search for those that the database refuses. Asyncio."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from psycopg import AsyncConnection, errors, generators, pq, sql
from psycopg.errors import error_from_result

from ingest.writing.binary_row import BEGIN, COLUMNS, END
from ingest.writing.refusals import refuses_a_row, told, words
from ingest.writing.rows import DeadLetter, Row, refused

Connection = AsyncConnection[Any]

_CHUNK_ROWS = 4000
_COLUMNS = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
_COPY = sql.SQL("COPY message_logs ({}) FROM STDIN (FORMAT BINARY)").format(_COLUMNS)


class LeftOut(Exception):
    """The database took fewer rows than it was given: a trigger left some out."""


Count = Callable[[Sequence[Row]], Awaitable[None]]
"""Adds rows to the figures."""


async def begin_and_copy(connection: Connection, begin: Sequence[sql.Composable], rows: Sequence[Row]) -> int:
    """Begin a transaction and copy the rows, in two round trips; return what the last of `begin` touched.

    All goes as one message, which psycopg's own copy() does not offer, hence its generators. Afterwards the transaction
    is open, or broken after an error.

    Args:
        connection: in autocommit mode.
        begin: statements to do before, with their values in them.
        rows: at least one.

    Raises:
        psycopg.Error: as the database answers.
        LeftOut: when it took fewer rows.
    """
    text = sql.SQL("; ").join([sql.SQL("BEGIN"), *begin, _COPY]).as_bytes(connection)
    async with connection.lock:
        connection.pgconn.send_query(text)
        *done, copying = await connection.wait(generators.execute(connection.pgconn))
        if copying.status != pq.ExecStatus.COPY_IN:
            raise error_from_result(copying, encoding="utf-8")
        await connection.wait(generators.copy_to(connection.pgconn, BEGIN))
        for start in range(0, len(rows), _CHUNK_ROWS):
            chunk = b"".join([row.copied for row in rows[start : start + _CHUNK_ROWS]])
            await connection.wait(generators.copy_to(connection.pgconn, chunk))
        await connection.wait(generators.copy_to(connection.pgconn, END))
        ended = await connection.wait(generators.copy_end(connection.pgconn, None))
        if ended.status != pq.ExecStatus.COMMAND_OK:
            raise error_from_result(ended, encoding="utf-8")
    if (ended.command_tuples or 0) != len(rows):
        raise LeftOut
    return done[-1].command_tuples or 0


async def copy_those_that_fit(
    connection: Connection,
    rows: Sequence[Row],
    check: Callable[[Sequence[DeadLetter]], None],
    count: Count | None = None,
) -> tuple[list[Row], list[DeadLetter]]:
    """Copy rows inside a transaction; return those that the database took, and those that it refused, found by halving.

    Args:
        connection: inside a transaction.
        rows: none of them is in the log.
        check: asked with those that were refused so far; may end it all with an exception.
        count: done with each part that is taken, so that whose figures are refused is refused too.

    Raises:
        psycopg.Error: when the database refuses for another reason than a row.
    """
    taken: list[Row] = []
    dead: list[DeadLetter] = []
    waiting = [rows] if rows else []
    while waiting:
        part = waiting.pop()
        try:
            async with connection.transaction():
                await _copy(connection, part)
                if count is not None:
                    await count(part)
        except (errors.Error, LeftOut) as exc:
            if isinstance(exc, errors.Error) and not refuses_a_row(exc):
                raise
            if len(part) > 1:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
                continue
            dead.append(refused(part[0], words(exc), told(exc)))
            check(dead)
        else:
            taken += part
    return taken, dead


async def _copy(connection: Connection, rows: Sequence[Row]) -> None:
    async with connection.cursor() as cursor:
        async with cursor.copy(_COPY) as copy:
            await copy.write(b"".join([BEGIN, *(row.copied for row in rows), END]))
        if cursor.rowcount != len(rows):
            raise LeftOut
    await check_deferred(connection)


async def check_deferred(connection: Connection) -> None:
    """Let deferred constraints refuse now what they would refuse at the commit, and with it everything."""
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
