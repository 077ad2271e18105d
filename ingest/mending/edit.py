"""An operator's SQL expression over the event of a dead letter, evaluated by the database. Asyncio code.

The expression runs with the rights of the login, in a transaction that can only read, for `LONGEST_S` at most. It is
one statement: parameters travel apart from it, and the database takes no second statement beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection, errors

LONGEST_S = 5
_OF_ONE_MESSAGE = (psycopg.DataError, errors.StatementTooComplex, errors.ProgramLimitExceeded)
_SQL = files("ingest").joinpath("sql", "edit.sql").read_text("utf-8")


class EditRefused(Exception):
    """The expression cannot be used, for whatever message; the text says why."""


class NotEdited(msgspec.Struct, frozen=True):
    """One message that the expression does not fit."""

    reason: str


class Edit:
    """Has a connection of its own, which the caller opened in autocommit mode."""

    def __init__(self, connection: AsyncConnection[Any], expression: str) -> None:
        self._connection = connection
        self._statement = _SQL.replace("{edit}", expression.replace("%", "%%")).encode()

    async def check(self) -> None:
        """See whether the database can read the expression at all. Errors: as `apply`."""
        try:
            await self._evaluate({})
        except psycopg.DataError as exc:  # of a constant in it
            raise EditRefused(f"the edit: {exc.diag.message_primary or type(exc).__name__}") from None

    async def apply(self, messages: Sequence[bytes]) -> list[bytes | NotEdited]:
        """Return what the expression makes of each message.

        Raises:
            EditRefused: it is no expression, takes too long, wants to write, or gives several values.
            psycopg.OperationalError: the database is away.
        """
        texts = [_json(raw) for raw in messages]
        made: dict[int, bytes | NotEdited] = {}
        readable = {number: text for number, text in enumerate(texts) if text is not None}
        try:
            made |= await self._evaluate(readable)
        except _OF_ONE_MESSAGE:  # which one, they show one by one
            for number, text in readable.items():
                try:
                    made |= await self._evaluate({number: text})
                except _OF_ONE_MESSAGE as exc:
                    made[number] = NotEdited(f"the edit does not fit: {exc.diag.message_primary or type(exc).__name__}")
        return [made.get(number, NotEdited("not edited: it is no JSON")) for number in range(len(texts))]

    async def _evaluate(self, texts: dict[int, str]) -> dict[int, bytes | NotEdited]:
        try:
            async with self._connection.transaction():
                await self._connection.execute("SET TRANSACTION READ ONLY")
                await self._connection.execute(f"SET LOCAL statement_timeout = '{LONGEST_S}s'".encode())
                values = {"numbers": list(texts), "events": list(texts.values())}
                answer = await self._connection.execute(self._statement, values)
                rows = await answer.fetchall()
        except (psycopg.DataError, psycopg.OperationalError) as exc:
            if isinstance(exc, errors.QueryCanceled):
                raise EditRefused(f"the edit takes longer than {LONGEST_S} s") from None
            raise
        except psycopg.Error as exc:
            raise EditRefused(f"the edit: {exc.diag.message_primary or type(exc).__name__}") from None
        return {number: NotEdited("the edit gives NULL") if text is None else text.encode() for number, text in rows}


def _json(raw: bytes) -> str | None:
    """Return the text, None when it is no JSON."""
    try:
        msgspec.json.decode(raw)
        return raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
