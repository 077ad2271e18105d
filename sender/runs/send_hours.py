"""Telling the queue when a run may send: it obeys that without us, so it is told long before."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from schema.run import RunState
from schema.snapshot import RunsSnapshot
from sender.queue.run_queue import RunGlance, RunQueue
from sender.runs.known_pages import KnownPages
from sender.runs.rules.open_hours import AHEAD_MS, OpenHours, known_until_ms
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.send_window import zone_named

log = structlog.get_logger()

_SENDING = (RunState.ENQUEUING, RunState.ACTIVE)


class SendHours:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError.

    Args:
        clock_ms: the time in ms since 1970 (UTC).
    """

    def __init__(
        self, queue: RunQueue, pages: KnownPages, clock_ms: Callable[[], int], figures: RunsSnapshot | None = None
    ) -> None:
        self._queue = queue
        self._pages = pages
        self._clock_ms = clock_ms
        self._figures = figures or RunsSnapshot()
        self._given: dict[str, set[str]] = {}
        self._warned: set[str] = set()
        self.older_senders = False
        """Whether senders of the former release live: they know no hours, but the hold that was set instead."""

    async def look(self) -> None:
        """See whether older senders live."""
        self.older_senders = await self._queue.older_senders()

    def held(self, page_id: str, window: str | None) -> bool:
        """Say whether the run has to be held now for the sake of older senders."""
        hours = self._pages.hours(page_id, window) if self.older_senders else None
        return hours is not None and not hours.is_open(self._clock_ms())

    async def begin(self, run_id: str, page_id: str, window: str | None) -> None:
        """Give a run that was just made known its hours: before its first chunk, so that nothing leaves outside."""
        if hours := self._pages.hours(page_id, window):
            await self._write(run_id, hours)
        if self.held(page_id, window):
            await self._queue.hold(run_id, "window")

    async def keep(self, window: str | None, known: RunGlance) -> None:
        """Give a run in the queue the hours that the source says now, when it has others."""
        if known.state not in _SENDING:
            return
        hours = self._pages.hours(known.page_id, window)
        if hours and not self._pages.complete and OpenHours.of(known.hours).window == hours.window:
            return  # they were made when the page's time zone was known
        if known.hours == (hours.text if hours else ""):
            await self.renew(known)
            return
        await self._write(known.run_id, hours)
        log.info("send_hours_changed", run_id=known.run_id, send_window=window)

    async def renew(self, known: RunGlance) -> None:
        """Tell the queue the run's next hours when it knows less than half of what it was told."""
        if known.hours and known.state in _SENDING and known.hours_until_ms - self._clock_ms() < AHEAD_MS / 2:
            await self._write(known.run_id, OpenHours.of(known.hours))

    def begin_filling(self) -> None:
        """Forget which zones the queue knows: it may have been emptied since."""
        self._given.clear()

    async def admit(self, run_id: str, hours: str, rows: list[RecipientRow]) -> list[RecipientRow] | None:
        """Tell the queue the hours of the zones that stand in these rows: before they are enqueued.

        Returns the rows, those whose zone nobody knows without one; None: the run has other hours than `hours` by now.
        """
        if not hours:
            return rows
        readable = [self._readable(run_id, row) for row in rows]
        given = self._given.setdefault(run_id, set())
        if new := {row.time_zone for row in readable if row.time_zone} - given:
            now_ms, of = self._clock_ms(), OpenHours.of(hours)
            windows = {name: of.intervals(name, now_ms) for name in new}
            if await self._queue.set_windows(run_id, windows, hours=hours):
                return None
            given |= new
        return readable

    async def _write(self, run_id: str, hours: OpenHours | None) -> None:
        if hours is None:
            await self._queue.set_windows(run_id, {})
            return
        now_ms, zones = self._clock_ms(), {""}
        until_ms = known_until_ms(now_ms)
        while missing := await self._queue.set_windows(
            run_id, {name: hours.intervals(name, now_ms) for name in zones}, hours=hours.text, until_ms=until_ms
        ):
            zones |= missing

    def _readable(self, run_id: str, row: RecipientRow) -> RecipientRow:
        name = (row.time_zone or "").strip()
        if name and zone_named(name) is None:
            self._figures.unknown_time_zones += 1
            if run_id not in self._warned:
                self._warned.add(run_id)
                log.warning("time_zone_unknown", run_id=run_id, time_zone=name, effect="the page's counts")
            name = ""
        return row if name == row.time_zone else row._replace(time_zone=name or None)
