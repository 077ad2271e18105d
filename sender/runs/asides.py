"""Sorting out of a chunk whom the run will surely not reach: asks the registry and the queue, and lets rules decide."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sender.queue.held_jobs import TOLERANCE_MS
from sender.queue.run_queue import RunQueue
from sender.runs.databases.registry import Registry
from sender.runs.rules.still_to_send import StillToSend
from sender.runs.rules.surely_not_sent import RECIPIENTS_GONE, NotSent, SortedOut, Suppression, agreed


class Asides:
    """Methods are Trio coroutines. Errors: DatabaseAway, QueryRefused, redis.RedisError.

    Args:
        registry: the log database.
        queue: has the runs, and another clock.
        enforce_window: whether the 24-hour window is kept.
        rules_off: rules of a message's form that do not count.
        clock_ms: our own clock: ms since 1970 (UTC).
    """

    def __init__(
        self,
        registry: Registry,
        queue: RunQueue,
        *,
        enforce_window: bool,
        rules_off: Collection[str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._queue = queue
        self._enforce_window = enforce_window
        self._rules_off = rules_off
        self._clock_ms = clock_ms

    async def sort_out(self, run_id: str, still: StillToSend) -> SortedOut:
        """Return who of these may get the run's message, and records of who will surely not."""
        run = await self._queue.spec(run_id) if still.rows else None
        if run is None:
            return SortedOut(still.rows, [])
        now = agreed(await self._queue.clock_ms(), self._clock_ms(), TOLERANCE_MS)
        entries = await self._suppressed(run.page_id, list({row[0] for row in still.rows}))
        not_sent = NotSent(run, now, keep_window=self._enforce_window, rules_off=self._rules_off)
        return not_sent.sort_out(still.rows, still.attempts, entries)

    async def _suppressed(self, page_id: str, recipient_ids: list[str]) -> dict[str, list[Suppression]]:
        """Return the entries that count: not those of a run that has been braked because most of it are gone."""
        found = await self._registry.suppressed(page_id, recipient_ids)
        unfinished = await self._queue.facts(list({entry.run_id for entry in found if entry.run_id}))
        braked = {run.run_id for run in unfinished.values() if run.brake_rule == RECIPIENTS_GONE}
        entries: dict[str, list[Suppression]] = {}
        for entry in found:
            if entry.run_id not in braked:
                entries.setdefault(entry.recipient_id, []).append(entry)
        return entries
