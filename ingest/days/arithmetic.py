"""Days and the names of their partitions. Pure; days are UTC."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

TABLE = "message_logs"
_NAME = re.compile(rf"{TABLE}_(\d{{8}})")


def partition_name(day: date) -> str:
    """Return the name of a day's partition: `message_logs_YYYYMMDD`."""
    return f"{TABLE}_{day.isoformat().replace('-', '')}"


def partition_day(name: str) -> date | None:
    """Return the day of a partition's name; None when it is not one of ours."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def days_from(today: date, ahead: int) -> list[date]:
    """Return today and the `ahead` days after it."""
    return [today + timedelta(days=n) for n in range(ahead + 1)]


def outdated(days: Iterable[date], today: date, keep_days: int) -> list[date]:
    """Return the days of which every moment is at least `keep_days` days ago."""
    return sorted(day for day in days if day < today - timedelta(days=keep_days))
