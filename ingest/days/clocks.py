"""What day it is, by two clocks: the database's and our own. Asyncio code.

One of them may be wrong by years (a battery, a restored machine). What cannot be undone follows the earlier one; what
must be there in time is made for both.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_TOLERANCE = timedelta(days=1)  # around midnight two good clocks name neighbouring days


class TwoDays(msgspec.Struct, frozen=True):
    """Today in UTC as each clock has it."""

    database: date
    own: date

    @property
    def earlier(self) -> date:
        """Both clocks have reached this day: dropping counts from it."""
        return min(self.database, self.own)

    @property
    def later(self) -> date:
        """No clock is beyond this day."""
        return max(self.database, self.own)

    @property
    def disagree(self) -> bool:
        """Whether one of the clocks must be wrong."""
        return self.later - self.earlier > _TOLERANCE


async def two_days(connection: Connection) -> TwoDays:
    """Ask both clocks. Errors: psycopg.Error."""
    return TwoDays(await database_day(connection), own_day())


def own_day() -> date:
    """Return today by this machine's clock."""
    return datetime.now(UTC).date()


async def database_day(connection: Connection) -> date:
    """Return the database's current day in UTC."""
    answer = await connection.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
    row = await answer.fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives one row
    day: date = row[0]
    return day
