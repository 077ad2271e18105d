"""The run registry in the log database: what was taken, refused, finished or lost. It outlives Redis."""

from __future__ import annotations

import msgspec

from schema.run import Run, RunState
from sender.queue.runs import RunFacts
from sender.runs.check import Refusal, at, messaging_type, moment_ms
from sender.runs.database import Database, statement
from sender.runs.rows import SourceRun
from sender.runs.source import SourceName

QUEUE_LOST = (
    "the queue that held this run's jobs is gone or another one is configured: set REDIS_URL back, "
    "or send what is left with: newar run recover"
)


class Registered(msgspec.Struct, frozen=True):
    """An unfinished run. Columns in the order of `unfinished.sql`."""

    run_id: str
    state: str
    queue_epoch: str | None


class Registry:
    """Methods are Trio coroutines; all may be repeated. Errors: DatabaseAway, QueryRefused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, run_ids: list[str]) -> set[str]:
        """Return which of these were taken or refused before."""
        return {run_id for (run_id,) in await self._database.rows(statement("known"), run_ids=run_ids)}

    async def register(
        self, run: Run, row: SourceRun, source: SourceName, queue_epoch: str, reason: str | None
    ) -> bool:
        """Note a run as taken into the queue with this epoch. False: it was known already; nothing changed."""
        added = await self._database.rows(
            statement("register"),
            run_id=run.run_id,
            page_id=run.page_id,
            source=source,
            reason=reason,
            queue_epoch=queue_epoch,
            parent_run_id=run.parent_run_id,
            message=msgspec.json.encode(run.message).decode(),
            messaging_type=run.messaging_type,
            tag=run.tag,
            notification_type=run.notification_type,
            priority=run.priority,
            on_unknown=run.on_unknown,
            scheduled_at=None if row.scheduled_at_s is None else at(moment_ms(row.scheduled_at_s)),
            expires_at=at(run.expires_at_ms),
        )
        return bool(added)

    async def refuse(self, row: SourceRun, source: SourceName, refusal: Refusal) -> bool:
        """Note a run as refused for ever. False: it was known already; nothing changed."""
        added = await self._database.rows(
            statement("refuse"),
            run_id=row.run_id,
            page_id=row.page_id or "",
            source=source,
            reason=refusal.reason,
            parent_run_id=row.parent_run_id,
            messaging_type=messaging_type(row),
            tag=row.tag,
        )
        return bool(added)

    async def filling(self, source: SourceName, queue_epoch: str) -> list[str]:
        """Return the runs of this source whose recipients are not all in this queue yet, most urgent first."""
        rows = await self._database.rows(statement("filling"), source=source, queue_epoch=queue_epoch)
        return [run_id for (run_id,) in rows]

    async def unfinished(self) -> list[Registered]:
        """Return every run taken and not known to be finished, lost ones included."""
        return [Registered(*row) for row in await self._database.rows(statement("unfinished"))]

    async def enqueued(self, runs: list[RunFacts], queue_epoch: str) -> None:
        """Note these as completely in the queue."""
        await self._database.rows(
            statement("enqueued"),
            run_ids=[run.run_id for run in runs],
            recipients=[run.recipients for run in runs],
            queue_epoch=queue_epoch,
        )

    async def finished(self, runs: list[RunFacts], queue_epoch: str) -> list[str]:
        """Note these as finished, with their outcomes; return those for which that is news."""
        rows = await self._database.rows(
            statement("finished"),
            run_ids=[run.run_id for run in runs],
            recipients=[run.recipients for run in runs],
            outcomes=[msgspec.json.encode(run.outcomes).decode() for run in runs],
            finished_at_s=[(run.finished_at_ms or 0) / 1000 for run in runs],
            queue_epoch=queue_epoch,
        )
        return [run_id for (run_id,) in rows]

    async def lost(self, runs: list[Registered]) -> list[str]:
        """Hold these as `queue_lost`; return those for which that is news."""
        ids, epochs = [run.run_id for run in runs], [run.queue_epoch for run in runs]
        rows = await self._database.rows(statement("lost"), run_ids=ids, epochs=epochs, reason=QUEUE_LOST)
        return [run_id for (run_id,) in rows]

    async def back(self, runs: list[Registered], queue_epoch: str) -> list[str]:
        """Take these out of `queue_lost`: their queue is there again. Return those for which that is news."""
        ids = [run.run_id for run in runs]
        rows = await self._database.rows(statement("back"), run_ids=ids, queue_epoch=queue_epoch)
        return [run_id for (run_id,) in rows]


def is_lost(run: Registered, facts: RunFacts | None, queue_epoch: str) -> bool:
    """Say whether this queue is not the one that holds the run's jobs."""
    return run.queue_epoch != queue_epoch or facts is None


def held_as_lost(run: Registered) -> bool:
    """Say whether the registry holds the run as lost already."""
    return run.state == RunState.QUEUE_LOST
