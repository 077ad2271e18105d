"""Forgetting what is older than it is said to be kept: submitted recipients, dead letters, figures. Asyncio code.

In small steps, each a transaction: nothing waits for long, and several processes may do so at once.
"""

from __future__ import annotations

from typing import Any, Protocol

import structlog
from psycopg import AsyncConnection

from ingest.mending.dead_letters import statement
from ingest.mending.erasures import erase_again

log = structlog.get_logger()

AT_ONCE = 5000
MOST_STEPS = 400
"""Of each table in one go: making and dropping days must not wait for the rest."""


class Retentions(Protocol):
    """How many days are kept; of IngestSettings."""

    @property
    def log_retention_days(self) -> int:
        """Rows of the log."""

    @property
    def submitted_retention_days(self) -> int:
        """Recipients of a submitted run, once it and its retries have ended."""

    @property
    def dead_letter_retention_days(self) -> int:
        """Messages that no row could hold."""

    @property
    def figures_retention_days(self) -> int:
        """What the rows of a run, of a page and of all pages added up to."""


async def forget_old(connection: AsyncConnection[Any], settings: Retentions) -> dict[str, int]:
    """Delete what is too old, and what came in of people who were erased; return how many rows of which table.

    Nothing that explains rows of the log is deleted before them. Errors: psycopg.Error.
    """
    figures_days = max(settings.figures_retention_days, settings.log_retention_days)
    kept_days = {
        "submitted_recipients": max(settings.submitted_retention_days, settings.log_retention_days),
        "message_log_dead_letters": settings.dead_letter_retention_days,
        "page_figures": figures_days,
        "log_figures": figures_days,
        "run_figures": figures_days,
    }
    gone = {table: await _forget(connection, table, days) for table, days in kept_days.items()}
    gone["erased_again"] = await erase_again(connection)
    gone = {table: count for table, count in gone.items() if count}
    if gone:
        log.info("old_forgotten", **gone)
    return gone


async def _forget(connection: AsyncConnection[Any], table: str, days: int) -> int:
    count = 0
    for _ in range(MOST_STEPS):
        values = {"kept_days": days, "at_once": AT_ONCE}
        deleted = (await connection.execute(statement(f"forget_{table}"), values)).rowcount
        count += deleted
        if not deleted:
            break
    return count
