"""Runs as the registry, the log and the queue know them together: for API and commands alike."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC
from importlib.resources import files
from typing import Any

import msgspec

from ops.board.history import History, HistoryUnreachable
from ops.board.reading import QueueReader, QueueUnreachable, Reading
from ops.board.run_log import RunLog
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from ops.board.runs.put_together import run_answer
from ops.board.runs.registry_row import RegistryRow
from ops.board.runs.run_answers import CheckStatus, RunAnswer, RunDetail, RunsAnswer
from ops.board.runs.run_counts import progress_of
from ops.board.runs.wanted_runs import WantedRuns, next_place
from schema.run import RunState

LEAST_STEP = 100
MOST_AT_ONCE = 500
"""Runs that the queue is asked of in one step: it does nothing else meanwhile."""
MOST_STEPS = 10
"""Rows are read in so many steps at most until enough runs have the wanted status; then the list goes on in another."""


def _sql(name: str) -> str:
    return files("ops.board.runs").joinpath(f"sql/{name}.sql").read_text("utf-8")


_ROWS, _BEYOND = _sql("run_rows"), _sql("scheduled_beyond")
_MOMENTS = ("scheduled_at", "expires_at", "taken_at", "finished_at", "listed_at")


class Found(msgspec.Struct, frozen=True):
    """One run, and who could be asked."""

    run: RunAnswer | None
    """None: nobody who could be asked knows it."""
    queue: CheckStatus
    history: CheckStatus


class RunBook:
    """Methods are Trio coroutines; a part that is away is said to be so, and what the other knows is answered.

    Args:
        history: the log database; None: it is not configured.
        reader: the queue.
        rates: what was seen of the speed of runs.
        newest: what the queue said lately of its newest runs; None: it is asked only for runs that the registry has.
    """

    def __init__(
        self,
        history: History | None,
        reader: QueueReader,
        rates: RunRates,
        newest: Callable[[], Awaitable[Holding]] | None = None,
    ) -> None:
        self._history = history
        self._reader = reader
        self._rates = rates
        self._newest = newest
        self._registered: set[str] = set()
        """Of the newest that the queue knows: those that the registry is known to have."""
        self.troubles: dict[str, str] = {}
        """Why the queue or the log database could not be asked lately, in words, by its name."""

    async def one(self, run_id: str) -> Found:
        """Return one run."""
        history, rows = await self._rows(WantedRuns().params(1, [run_id]))
        row = rows[0] if rows else None
        queue, holding = await self._look([run_id], [row.page_id] if row else [])
        fields = holding.reading.runs.get(run_id) if holding else None
        if holding and fields and fields.get("state") != RunState.FINISHED:
            self._rates.note({run_id: progress_of(fields)}, holding.reading.at_s)
        known = row is not None or bool(fields)
        run = run_answer(run_id, row, holding, self._rates, time.time()) if known else None
        return Found(run, queue, history)

    async def detail(self, run: RunAnswer, found: Found) -> RunDetail:
        """Return a run that was found, with whom it did not reach as far as the log knows."""
        log, known = await self._run_log(run.run_id)
        ended = run.recipients is None or run.left is None or run.recipients > run.left
        if known is None and log == "ok" and ended:
            log = "unknown"
        missed, logged = (known.not_reached, known.logged) if known else ([], 0 if log == "ok" else None)
        facts = msgspec.structs.asdict(run) | {"logged": logged}
        return RunDetail(**facts, queue=found.queue, history=found.history, log=log, not_reached=missed)

    async def listed(self, wanted: WantedRuns, limit: int) -> RunsAnswer:
        """Return runs, newest first."""
        step = min(max(limit, LEAST_STEP) if wanted.status else limit, MOST_AT_ONCE)
        history, rows = await self._rows(wanted.params(step + 1))
        if history != "ok":
            return await self._of_queue(wanted, limit, history)
        found: list[tuple[RegistryRow, RunAnswer]] = []
        queue: CheckStatus = "ok"
        following: str | None = None
        for _ in range(max(MOST_STEPS, math.ceil(limit / step))):
            queue, runs = await self._answers(rows[:step])
            found += [(row, run) for row, run in zip(rows, runs, strict=False) if wanted.fits(run)]
            following = next_place(rows[step - 1].listed_at, rows[step - 1].run_id) if len(rows) > step else None
            if following is None or len(found) >= limit:
                break
            behind = {"after_at": rows[step - 1].listed_at, "after_id": rows[step - 1].run_id}
            _, rows = await self._rows({**wanted.params(step + 1), **behind})
        if len(found) > limit:
            found = found[:limit]
            following = next_place(found[-1][0].listed_at, found[-1][0].run_id)
        known = [run for _, run in found]
        if wanted.after is None:
            known = [*await self._unregistered(wanted, {row.run_id for row, _ in found}), *known]
        more = await self._scheduled_more() if wanted.reaches_the_future and _any_scheduled(known) else 0
        return RunsAnswer(history=history, queue=queue, runs=known, next=following, scheduled_more=more)

    async def _answers(self, rows: Sequence[RegistryRow]) -> tuple[CheckStatus, Sequence[RunAnswer]]:
        queue, holding = await self._look(
            [row.run_id for row in rows if not row.is_over], {row.page_id for row in rows}
        )
        return queue, [run_answer(row.run_id, row, holding, self._rates, time.time()) for row in rows]

    async def _of_queue(self, wanted: WantedRuns, limit: int, history: CheckStatus) -> RunsAnswer:
        """Return the newest runs that the queue knows.

        Raises:
            QueueUnreachable: it is away too.
        """
        if self._newest is None or wanted.after is not None:
            await self._reader.look([])
            return RunsAnswer(history=history, runs=[])
        holding = await self._newest()
        runs = [self._answer(run_id, holding) for run_id in _newest_known(holding.reading)]
        return RunsAnswer(history=history, runs=[run for run in runs if wanted.fits(run)][:limit])

    async def _unregistered(self, wanted: WantedRuns, listed: Collection[str]) -> list[RunAnswer]:
        """Return runs that the queue knows and the registry does not: just taken, or its rows were lost."""
        if self._newest is None:
            return []
        try:
            holding = await self._newest()
        except QueueUnreachable:
            return []
        newest = _newest_known(holding.reading)
        self._registered.intersection_update(newest)
        asked = [run_id for run_id in newest if run_id not in self._registered]
        _, rows = await self._rows(WantedRuns().params(len(asked), asked)) if asked else ("ok", [])
        self._registered.update(row.run_id for row in rows if row.taken)
        strangers = [run_id for run_id in asked if run_id not in self._registered and run_id not in listed]
        return [run for run in (self._answer(run_id, holding) for run_id in strangers) if wanted.fits(run)]

    def _answer(self, run_id: str, holding: Holding) -> RunAnswer:
        return run_answer(run_id, None, holding, self._rates, holding.reading.at_s)

    async def _run_log(self, run_id: str) -> tuple[CheckStatus, RunLog | None]:
        """Return what the log knows of the run (None: nothing), and whether it could be asked."""
        if self._history is None:
            return "not_configured", None
        try:
            return "ok", await self._history.run_log(run_id)
        except HistoryUnreachable:
            return "down", None

    async def _look(self, run_ids: Sequence[str], page_ids: Collection[str] = ()) -> tuple[CheckStatus, Holding | None]:
        try:
            return "ok", Holding(await self._reader.look(run_ids, page_ids))
        except QueueUnreachable as exc:
            self.troubles["queue"] = str(exc)
            return "down", None

    async def _rows(self, params: Mapping[str, Any]) -> tuple[CheckStatus, list[RegistryRow]]:
        if self._history is None:
            return "not_configured", []
        if any("\0" in run_id for run_id in params["run_ids"] or ()):
            return "ok", []  # no text in Postgres holds one
        try:
            return "ok", [_row(row) for row in await self._history.ask(_ROWS, dict(params))]
        except HistoryUnreachable as exc:
            self.troubles["history"] = str(exc)
            return "down", []

    async def _scheduled_more(self) -> int:
        if self._history is None:
            return 0
        try:
            rows = await self._history.ask(_BEYOND, {})
        except HistoryUnreachable:
            return 0
        return int(rows[0]["runs"]) if rows else 0


def _any_scheduled(runs: Iterable[RunAnswer]) -> bool:
    return any(run.state == "scheduled" for run in runs)


def _newest_known(reading: Reading) -> list[str]:
    return [run_id for run_id in reading.newest_runs if reading.runs.get(run_id)]


def _row(row: dict[str, Any]) -> RegistryRow:
    """Times become UTC, whatever zone the database's session has."""
    moments = {name: row[name].astimezone(UTC) for name in _MOMENTS if row[name] is not None}
    return RegistryRow(**{**row, **moments})
