"""Carries what people did, and what else held runs, from Redis into the log database, and forgets there what is old."""

from __future__ import annotations

from collections.abc import Sequence

import trio

from sender.queue.audit_stream import AuditEntry, AuditStream
from sender.queue.run_queue import RunQueue
from sender.runs.databases.database import Database, statement

KEPT_DAYS = 400
MOST_HAPPENINGS = 1_000_000
"""Rows of what no person did that are kept at most: a flood of them fills no disk."""
_FORGET_EVERY_S = 3600.0


class AuditCarrier:
    """Any number may work at once, stopped anywhere: an entry becomes one row."""

    def __init__(self, database: Database, streams: Sequence[AuditStream], queue: RunQueue) -> None:
        self._database = database
        self._streams = streams
        self._queue = queue
        self._forget_at = float("-inf")

    async def carry(self) -> None:
        """Carry all that waits. Errors: DatabaseAway, QueryRefused, redis.RedisError."""
        epoch = await self._queue.epoch()
        for stream in self._streams:
            while entries := await stream.oldest():
                if await self._queue.epoch() != epoch:
                    return  # of an emptied Redis: they would get the name of the former one
                await self._add(entries, epoch, by_person=stream.by_person)
                await stream.carried(entries[-1])
        if trio.current_time() >= self._forget_at:
            await self._database.rows(statement("audit_forget"), days=KEPT_DAYS, happenings=MOST_HAPPENINGS)
            self._forget_at = trio.current_time() + _FORGET_EVERY_S

    async def _add(self, entries: list[AuditEntry], epoch: str, *, by_person: bool) -> None:
        await self._database.rows(
            statement("audit_add"),
            at=[entry.at for entry in entries],
            who=[entry.who for entry in entries],
            what=[entry.what for entry in entries],
            target=[entry.target for entry in entries],
            detail=[entry.detail for entry in entries],
            stream_id=[entry.stream_id for entry in entries],
            queue_epoch=epoch,
            by_person=by_person,
        )
