"""Runs that their source asks to send and that were not taken, with the reason: kept in the log database for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sender.runs.databases.database import Database, statement
from sender.runs.databases.source_views import SourceName
from sender.runs.rules.not_taken import NotTaken, Scheduled

MOST_SCHEDULED = 1000
"""Runs that are due later and stand in the log database: those that come first."""


class NotTakenRuns:
    """Those of one source. Methods are Trio coroutines that may be repeated. Errors: DatabaseAway, QueryRefused."""

    def __init__(self, database: Database, source: SourceName) -> None:
        self._database = database
        self._source = source
        self._scheduled: list[Scheduled] | None = None

    async def read(self) -> dict[str, tuple[NotTaken, float]]:
        """Return run id -> what was noted, and for how many seconds it has been so."""
        rows = await self._database.rows(statement("not_taken"), source=self._source)
        return {row[0]: (NotTaken(*row[:4]), row[4]) for row in rows}

    async def replace(self, now: Collection[NotTaken], before: Mapping[str, tuple[NotTaken, float]]) -> None:
        """Note these and no others, where that is anything new."""
        if {one.run_id: one for one in now} == {run_id: one for run_id, (one, _) in before.items()}:
            return
        listed = list({one.run_id: one for one in now}.values())
        await self._database.rows(
            statement("note_not_taken"),
            source=self._source,
            run_ids=[one.run_id for one in listed],
            page_ids=[one.page_id for one in listed],
            kinds=[one.kind for one in listed],
            reasons=[one.reason for one in listed],
        )

    async def note_scheduled(self, now: Collection[Scheduled]) -> None:
        """Note which runs of the source are due later, where a look has found others than the one before."""
        if self._source == "submitted":  # they stand in this database already
            return
        listed = sorted(now)
        if listed == self._scheduled:
            return
        first = listed[:MOST_SCHEDULED]
        await self._database.rows(
            statement("note_scheduled"),
            run_ids=[one.run_id for one in first],
            page_ids=[one.page_id for one in first],
            at_s=[one.at_s for one in first],
            beyond=len(listed) - len(first),
        )
        self._scheduled = listed
