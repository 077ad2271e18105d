"""The run registry in the log database: what was taken, refused, finished or lost. It outlives Redis."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from schema.run import Run, RunState
from schema.text import N_
from sender.queue.run_queue import RunFacts
from sender.runs.databases.database import Database, statement
from sender.runs.databases.source_views import SourceName
from sender.runs.rules.check import Refusal, at, expected_recipients, messaging_type, moment_ms
from sender.runs.rules.rows import SourceRun
from sender.runs.rules.still_to_send import Standing
from sender.runs.rules.surely_not_sent import RECIPIENTS_GONE, Suppression

_AGAIN_WITHIN_S = 24 * 3600.0
QUEUE_LOST = N_(
    "the queue that held this run's jobs is gone or another one is configured: set REDIS_URL back, "
    "or send what is left with: newar run recover"
)


class Registered(msgspec.Struct, frozen=True):
    """An unfinished run. Columns in the order of `unfinished.sql`."""

    run_id: str
    state: str
    queue_epoch: str | None
    brake_rule: str | None = None
    """The rule that has braked it, as far as is noted; None: none does."""
    ended_as: str | None = None
    """How it will end, as far as is noted: as `cancelled` or `expired`; None: that is open."""


class Known(msgspec.Struct, frozen=True):
    """A run that was taken or refused before. Columns in the order of `known.sql`."""

    run_id: str
    state: str
    ended_at_s: float | None
    """Seconds since 1970 (UTC); None: it has not ended."""
    ended_ago_s: float | None
    refused_for_now: bool
    """Of a refused one: whether it is taken once it is mended. Of a submitted one, and where a former release refused
    it, a person was told to give it a new id, and may have done so."""
    reason: str | None
    """Why it was refused; None: it was not."""

    def may_come_again(self, updated_at_s: float | None) -> bool:
        """Say whether it may be taken after all: refused, so nobody was written to, and lately, or changed since.

        A token that comes after weeks is not to send all that was ever refused for want of it.
        """
        refused = self.state == RunState.REFUSED and self.refused_for_now
        if not refused or self.ended_at_s is None or self.ended_ago_s is None:
            return False
        return self.ended_ago_s < _AGAIN_WITHIN_S or (updated_at_s or 0.0) > self.ended_at_s


class Selection(msgspec.Struct, frozen=True):
    """Recipients of a run that stand in another one. Columns of `submitted_selections`."""

    parent_run_id: str
    root_run_id: str
    family: list[str]
    outcomes: list[str]
    classes: list[str]
    since: datetime


class Filling(msgspec.Struct, frozen=True):
    """A run whose recipients are not all in the queue yet. Columns in the order of `filling.sql`."""

    run_id: str
    page_id: str
    recovered: bool
    """Whether some of its recipients may have ended in a queue that was lost."""
    since: datetime
    """No row of the run in the log is older."""
    none_expected: bool | None
    """Whether its source has said that it has no recipients."""
    expires_at_s: float
    selection: Selection | None = None

    @property
    def recipients_of(self) -> str:
        """The run that names the recipients."""
        return self.selection.root_run_id if self.selection else self.run_id


class Taken(msgspec.Struct, frozen=True):
    """A run as it was taken. Columns in the order of `taken.sql`."""

    source: SourceName
    state: str
    queue_epoch: str | None
    lost_for_s: float | None
    """Seconds since it was seen that its queue was gone."""
    recipients: int
    page_id: str
    message: dict[str, Any] | None
    """None: it was refused."""
    messaging_type: str | None
    tag: str | None
    notification_type: str | None
    priority: int
    on_unknown: str
    expires_at_s: float | None
    parent_run_id: str | None
    brake_rule: str | None
    """The rule that has braked it, and that no person has lifted."""


class Logged(msgspec.Struct, frozen=True):
    """What the log has of a run."""

    ended: int
    """Final outcomes, those of rows that are gone included."""
    cancelled: bool
    """Whether some of them are `cancelled`."""
    complete: bool
    """Whether no row of the run can have been dropped: the day on which it was taken is still there."""


class Registry:
    """Methods are Trio coroutines; all may be repeated. Errors: DatabaseAway, QueryRefused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, run_ids: list[str]) -> dict[str, Known]:
        """Return those of these that were taken or refused before."""
        return {row[0]: Known(*row) for row in await self._database.rows(statement("known"), run_ids=run_ids)}

    async def register(
        self, run: Run, row: SourceRun, source: SourceName, queue_epoch: str, reason: str | None
    ) -> bool:
        """Note a run as taken into the queue with this epoch. False: it was taken already; nothing changed."""
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
            recipients_expected=expected_recipients(row),
        )
        return bool(added)

    async def refuse(self, row: SourceRun, source: SourceName, refusal: Refusal, *, for_now: bool) -> bool:
        """Note a run as refused, and why; `for_now`: it may be taken once it is mended.

        False: it was known already, and keeps its state.
        """
        added = await self._database.rows(
            statement("refuse"),
            run_id=row.run_id,
            page_id=row.page_id or "",
            source=source,
            reason=refusal.reason,
            parent_run_id=row.parent_run_id,
            messaging_type=messaging_type(row),
            tag=row.tag,
            for_now=for_now,
        )
        return bool(added)

    async def filling(self, source: SourceName, queue_epoch: str) -> list[Filling]:
        """Return the runs of this source whose recipients are not all in this queue yet, most urgent first."""
        rows = await self._database.rows(statement("filling"), source=source, queue_epoch=queue_epoch)
        return [
            Filling(run_id, page_id, recovered, since, none, expires_at_s, Selection(*chosen) if chosen[0] else None)
            for run_id, page_id, recovered, since, none, expires_at_s, *chosen in rows
        ]

    async def standing(self, run: Filling, recipient_ids: list[str]) -> dict[str, Standing]:
        """Return what the log knows of these recipients of a run; those it does not know are missing."""
        rows = await self._database.rows(
            statement("standing"), run_id=run.run_id, recipient_ids=recipient_ids, since=run.since
        )
        return {recipient_id: Standing(attempts, outcome) for recipient_id, attempts, outcome in rows}

    async def chosen(self, selection: Selection, recipient_ids: list[str]) -> set[str]:
        """Return which of these recipients the selection chooses."""
        rows = await self._database.rows(
            statement("chosen"),
            recipient_ids=recipient_ids,
            parent=selection.parent_run_id,
            family=selection.family,
            outcomes=selection.outcomes,
            classes=selection.classes,
            since=selection.since,
        )
        return {recipient_id for (recipient_id,) in rows}

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
            brake_rules=[run.brake_rule for run in runs],
            ends=[run.ended_as for run in runs],
            queue_epoch=queue_epoch,
        )
        return [run_id for (run_id,) in rows]

    async def brakes(self, rules: Mapping[str, str | None], queue_epoch: str) -> None:
        """Note which rule has braked each of these runs; None: none does any more."""
        run_ids, by = list(rules), list(rules.values())
        await self._database.rows(statement("brakes"), run_ids=run_ids, brake_rules=by, queue_epoch=queue_epoch)

    async def ends(self, ends: Mapping[str, str], queue_epoch: str) -> None:
        """Note that these runs are being drained, and as what they will end."""
        run_ids, ended_as = list(ends), list(ends.values())
        await self._database.rows(statement("ends"), run_ids=run_ids, ends=ended_as, queue_epoch=queue_epoch)

    async def suppressed(self, page_id: str, recipient_ids: list[str]) -> list[Suppression]:
        """Return the suppressions of these people of a page that stand."""
        rows = await self._database.rows(
            statement("suppressed"), page_id=page_id, recipient_ids=recipient_ids, brake_rule=RECIPIENTS_GONE
        )
        return [Suppression(*row) for row in rows]

    async def lost(self, runs: list[Registered]) -> list[str]:
        """Hold these as `queue_lost`; return those for which that is news."""
        ids, epochs = [run.run_id for run in runs], [run.queue_epoch for run in runs]
        rows = await self._database.rows(statement("lost"), run_ids=ids, epochs=epochs, reason=QUEUE_LOST)
        return [run_id for (run_id,) in rows]

    async def taken(self, run_id: str) -> Taken | None:
        """Return a run as it was taken or refused; None: never."""
        rows = await self._database.rows(statement("taken"), run_id=run_id)
        return Taken(*rows[0]) if rows else None

    async def logged(self, run_id: str) -> Logged:
        """Return what the log has of a run."""
        [row] = await self._database.rows(statement("logged"), run_id=run_id)
        return Logged(*row)

    async def begin_recovery(self, run_id: str) -> bool:
        """From now on the run is filled only with those without a final outcome. False: it is not held as lost."""
        return bool(await self._database.rows(statement("recover_begin"), run_id=run_id))

    async def recovered(self, run_id: str, queue_epoch: str) -> bool:
        """Let the run processors fill the queue with this epoch, which knows the run. False: somebody was first."""
        return bool(await self._database.rows(statement("recover"), run_id=run_id, queue_epoch=queue_epoch))

    async def elsewhere(self, run_ids: list[str], queue_epoch: str) -> list[str]:
        """Return which of these runs are in another queue than this, or were finished there."""
        rows = await self._database.rows(statement("elsewhere"), run_ids=run_ids, queue_epoch=queue_epoch)
        return [run_id for (run_id,) in rows]

    async def back(self, runs: list[Registered], queue_epoch: str) -> list[str]:
        """Take these out of `queue_lost`: their queue is there again. Return those for which that is news."""
        ids = [run.run_id for run in runs]
        rows = await self._database.rows(statement("back"), run_ids=ids, queue_epoch=queue_epoch)
        return [run_id for (run_id,) in rows]


def is_lost(run: Registered, *, known: bool, queue_epoch: str) -> bool:
    """Say whether this queue is not the one that holds the run's jobs. `known`: it knows the run."""
    return run.queue_epoch != queue_epoch or not known


def held_as_lost(run: Registered) -> bool:
    """Say whether the registry holds the run as lost already."""
    return run.state == RunState.QUEUE_LOST
