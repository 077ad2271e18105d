"""The log database as far as it says who may come in: its statements, and one error for all its failures."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
import trio
from psycopg.rows import DictRow

from ops.message_log.kept_connections import KeptConnections
from ops.shell.detail import telling

ANSWER_WITHIN_S = 3.0


class AccessUnreachable(Exception):
    """The log database does not say who may come in. The text holds no secret."""


class AccessDatabase:
    """Runs the statements of `sql/`, each of which is whole in itself and may be repeated."""

    def __init__(self, url: str) -> None:
        self._connections = KeptConnections(url)

    async def ask(self, statement: str, **params: Any) -> list[DictRow]:
        """Return the rows of `sql/STATEMENT.sql`.

        Raises:
            AccessUnreachable: when the database does not answer in time, or refuses.
        """
        try:
            with trio.fail_after(ANSWER_WITHIN_S):
                return await self._connections.ask(_text(statement), params)
        except trio.TooSlowError:
            raise AccessUnreachable(f"the log database does not answer within {ANSWER_WITHIN_S:.0f} s") from None
        except psycopg.errors.UndefinedTable:
            raise AccessUnreachable("the log database knows no users yet: run `newar migrate`") from None
        except (psycopg.Error, OSError) as exc:
            raise AccessUnreachable(f"the log database cannot be asked: {telling(exc)}") from exc

    async def close(self) -> None:
        """Close what is kept."""
        await self._connections.close()


@cache
def _text(name: str) -> str:
    return files("ops.access").joinpath("sql", f"{name}.sql").read_text("utf-8")
