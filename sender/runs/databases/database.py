"""One connection to one Postgres, used in short transactions that also work through a transaction pooler."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import psycopg
import trio
from psycopg import AsyncConnection, pq, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo, timeout_from_conninfo
from psycopg.errors import InsufficientPrivilege, QueryCanceled, UndefinedColumn, UndefinedTable
from psycopg.rows import TupleRow
from pydantic import SecretStr

from schema.runtime.asyncio_door import aio
from schema.runtime.database_refusals import without_rows
from schema.runtime.outage import Outage
from schema.runtime.setting_types import split_address
from schema.runtime.settings import SettingsError
from sender.runs.databases.errors import DatabaseAway, QueryRefused

CONNECT_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
PATIENCE_S = CONNECT_TIMEOUT_S + STATEMENT_TIMEOUT_S + 10
"""A server that does not even answer that its time is over is given up after this."""
_ESCAPED = "% @ : / in the password are written %25 %40 %3A %2F"
_NAME = re.compile(r"[A-Za-z_]{1,40}")
_NO_SERVER = "/no-server-is-here"
_OF_STATEMENTS = ("38", "39", "54", "HV", "XX")
"""Classes of SQLSTATE that psycopg takes for the server's trouble, and that one value is enough for: a view's function
that fails (to decrypt it, say), a limit, a foreign table, a damaged row."""


@cache
def statement(name: str, *, room: str = "databases") -> sql.SQL:
    """Return the text of `sql/NAME.sql` in this room of `sender/runs`."""
    text: Any = (files("sender.runs") / room / "sql" / f"{name}.sql").read_text("utf-8")  # ours: as good as a literal
    return sql.SQL(text)


def check_address(url: SecretStr, setting: str) -> None:
    """Refuse an address that libpq cannot use, or an option in it.

    Raises:
        SettingsError: naming the setting.
    """
    if problem := address_problem(url, setting):
        raise SettingsError([problem])


def address_problem(url: SecretStr, setting: str) -> str | None:
    """Return what is wrong with an address, without its values: they may be pieces of the password."""
    try:
        options = conninfo_to_dict(url.get_secret_value())
    except psycopg.Error:
        if foreign := _foreign_parameters(url.get_secret_value()):
            return f"{setting}: Postgres knows no {', '.join(foreign)}, an ORM's parameter: leave it out of the address"
        return f"{setting}: cannot be read as an address; {_ESCAPED}"
    try:
        timeout_from_conninfo(options)
    except psycopg.Error:
        return f"{setting}: connect_timeout is not a number of seconds"
    if refused := _refused(options):
        return f"{setting}: {refused}; in addresses, {_ESCAPED}"
    return None


def _foreign_parameters(url: str) -> list[str]:
    """Return the names behind the `?` that libpq does not know; none, where they may be pieces of the password."""
    query = split_address(url).query
    if "@" in query:
        return []
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl"}
    names = dict.fromkeys(name for name, _ in parse_qsl(query, keep_blank_values=True))
    return [name for name in names if name not in known and _NAME.fullmatch(name)]


def _refused(options: dict[str, Any]) -> str | None:
    """Return what libpq says of the options before it looks for a server: it is shown to one that is not there."""
    hosts = str(options.get("host") or options.get("hostaddr") or "")
    probe = {**options, "host": ",".join([_NO_SERVER] * (hosts.count(",") + 1)), "hostaddr": None}
    if options.get("gssencmode") == "require":
        probe["gssencmode"] = "prefer"  # the one that a local socket is refused for
    connection = pq.PGconn.connect_start(make_conninfo("", **probe).encode())
    text = connection.error_message.decode(errors="replace")
    connection.finish()
    for value in map(str, options.values()):
        for part in (value, *value.split(",")):
            text = text.replace(f'"{part}"', '"***"')
    return next((line for line in text.splitlines() if line[:1].strip() and _NO_SERVER not in line), None)


class Database:
    """Runs single statements, each in a transaction of its own. One task uses it at a time.

    Args:
        url: where it is.
        outage: what is known of it; shared by all connections to the same server, so that an outage is logged once.
        read_only: whether transactions begin as `BEGIN READ ONLY`.
    """

    def __init__(self, url: SecretStr, outage: Outage, *, read_only: bool) -> None:
        self._url = url
        self._outage = outage
        self._read_only = read_only
        self._connection: AsyncConnection[TupleRow] | None = None
        self._asked_at: float | None = None

    @property
    def part(self) -> str:
        """What people call this server."""
        return self._outage.part

    def waiting_s(self, now_s: float) -> float:
        """Return for how long somebody has been waiting for an answer, at this Trio time; 0: nobody is."""
        return 0.0 if self._asked_at is None else now_s - self._asked_at

    async def rows(self, query: sql.SQL | sql.Composed, **params: Any) -> list[TupleRow]:
        """Run one statement and return its rows.

        Raises:
            DatabaseAway: it cannot be reached or broke off; whether a write was done is not known.
            QueryRefused: it answers, but not to this statement.
        """
        away: BaseException
        self._asked_at = trio.current_time()
        try:
            with trio.fail_after(PATIENCE_S):
                found = await aio(self._transact, query, params)
        except QueryCanceled as exc:
            self._outage.recovered(trio.current_time())
            text = f"it took longer than {STATEMENT_TIMEOUT_S} s; is there an index (schema/source/index.sql)?"
            raise QueryRefused(self.part, text) from exc
        except (psycopg.Error, trio.TooSlowError, OSError) as exc:
            if isinstance(exc, psycopg.Error) and _is_of_statement(exc):
                self._outage.recovered(trio.current_time())
                text = without_rows(exc)
                if isinstance(exc, UndefinedTable | UndefinedColumn) and not self._read_only:
                    text += "; bring it up to date with: newar migrate"
                elif isinstance(exc, InsufficientPrivilege):
                    right = "SELECT on it" if self._read_only else "it"
                    text += f"; let its owner GRANT {right} to this login"
                raise QueryRefused(self.part, text) from exc
            away = with_reason(exc, PATIENCE_S)
        else:
            self._outage.recovered(trio.current_time())
            return found
        finally:
            self._asked_at = None
        await self.close()
        wait_s = self._outage.failed(away, trio.current_time())
        raise DatabaseAway(self.part, wait_s, self._outage.refusal or without_rows(away)) from away

    async def close(self) -> None:
        """Give the connection up; the next statement opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await aio(connection.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with trio.move_on_after(1, shield=True):
            await self.close()

    async def _transact(self, query: sql.SQL | sql.Composed, params: dict[str, Any]) -> list[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(
                self._url.get_secret_value(),
                connect_timeout=CONNECT_TIMEOUT_S,
                application_name="newar runs",
                client_encoding="UTF8",  # of a server in SQL_ASCII, psycopg would give bytes for text
                prepare_threshold=None,  # a transaction pooler gives every transaction another server
            )
            if self._read_only:  # else as the server wants: READ WRITE would write to one that is to be read only
                await self._connection.set_read_only(True)
        async with self._connection.transaction():
            await self._connection.execute(statement("transaction"), {"timeout_ms": str(STATEMENT_TIMEOUT_S * 1000)})
            cursor = await self._connection.execute(query, params)
            return await cursor.fetchall() if cursor.description else []


def with_reason(error: BaseException, within_s: float) -> BaseException:
    """Return an error that says why: Trio's own of a time that is over has no words."""
    return TimeoutError(f"no answer within {within_s:.0f} s") if isinstance(error, trio.TooSlowError) else error


def _is_of_statement(error: psycopg.Error) -> bool:
    """Say whether a mended view or value would help, while the server goes on answering to others."""
    if error.diag.severity_nonlocalized == "FATAL":
        return False
    refused = isinstance(error, psycopg.ProgrammingError | psycopg.DataError | psycopg.NotSupportedError)
    return refused or (error.sqlstate or "").startswith(_OF_STATEMENTS)
