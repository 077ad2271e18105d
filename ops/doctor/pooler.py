"""Whether a pooler is before PostgreSQL, and whether it keeps a connection for us. Asyncio: asks over two."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Literal

import psycopg

from ops.doctor.finding import Finding

PART = "log database"
_ROUNDS = 3
Pooling = Literal["none", "session", "transaction", "statement"]


async def check_pooler(url: str) -> Finding:
    """Judge what is before it. Errors: psycopg.Error, OSError."""
    return pooler_finding(await pooling(url))


async def pooling(url: str) -> Pooling:
    """Return how it pools. Errors: psycopg.Error, OSError.

    A pooler tells its clients a process id of its own making. Given out for single transactions, one connection behind
    it serves both of ours, who take turns and keep nothing open.
    """
    async with AsyncExitStack() as stack:
        ours = [
            await stack.enter_async_context(
                await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)
            )
            for _ in range(2)
        ]
        seen = [{await _process_id(connection)} for connection in ours]
        if all(pids == {connection.info.backend_pid} for pids, connection in zip(seen, ours, strict=True)):
            return "none"
        for _ in range(_ROUNDS):
            for pids, connection in zip(seen, ours, strict=True):
                pids.add(await _process_id(connection))
        if not seen[0] & seen[1] and all(len(pids) == 1 for pids in seen):
            return "session"
        try:
            async with ours[0].transaction():
                await _process_id(ours[0])
        except psycopg.Error:
            return "statement"
        return "transaction"


async def _process_id(connection: psycopg.AsyncConnection[Any]) -> int:
    answer = await connection.execute("SELECT pg_backend_pid()")
    [process_id] = await answer.fetchone() or (0,)
    return int(process_id)


def pooler_finding(found: Pooling) -> Finding:
    """Judge it. Pure."""
    if found == "statement":
        text = "a pooler in statement mode is before it: nothing can be written that must stand or fall together"
        return Finding(PART, "fail", text, "set pool_mode = session there")
    if found == "transaction":
        text = (
            "a pooler in transaction mode is before it: rows are written, but statements that one client has prepared "
            "may be in another's way, and settings of ours reach others' sessions"
        )
        mend = "write the address of PostgreSQL itself, or of a pooler in session mode, into LOG_DATABASE_URL"
        return Finding(PART, "warn", text, mend)
    return Finding(
        PART, "ok", "is reached through a pooler in session mode" if found == "session" else "without a pooler"
    )
