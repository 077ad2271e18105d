"""Carries what the queue says of runs into the registry: enqueued, finished, lost. Needs no source."""

from __future__ import annotations

import structlog

from schema.run import RunState
from schema.snapshot import RunsSnapshot
from sender.queue.run_queue import RunFacts, RunGlance, RunQueue
from sender.runs.databases.registry import Registered, Registry, held_as_lost, is_lost

log = structlog.get_logger()

_KEEP_MS = 24 * 3600 * 1000
"""How long a finished run's figures stay in the queue, for the dashboard; the registry and the log keep theirs."""
_REGISTRY = "registry"
"""Who holds a run that another queue has, of HOLDERS."""
_BRAKE = "brake"
"""Who holds a run that a rule has braked."""

_DRAINING = (RunState.CANCELLED, RunState.EXPIRED)


class Bookkeeper:
    """Any number may work at once: each change is made, and logged, by one of them."""

    def __init__(self, registry: Registry, queue: RunQueue, figures: RunsSnapshot) -> None:
        self._registry = registry
        self._queue = queue
        self._figures = figures

    async def look(self) -> None:
        """Compare both once and write what has changed. Errors: RunsError, redis.RedisError."""
        runs = await self._registry.unfinished()
        known = await self._queue.glance([run.run_id for run in runs])
        epoch = await self._queue.epoch()  # after the glance: what an older queue knew then counts as lost
        gone = [run for run in runs if is_lost(run, known=run.run_id in known, queue_epoch=epoch)]
        here = [run for run in runs if not is_lost(run, known=run.run_id in known, queue_epoch=epoch)]
        await self._hold_strangers([known[run.run_id] for run in here], epoch)
        await self._note_lost([run for run in gone if not held_as_lost(run)])
        self._figures.runs_queue_lost = len(gone)
        await self._note_back([run for run in here if held_as_lost(run)], epoch)
        await self._note_brakes(here, known, epoch)
        await self._note_ends(here, known, epoch)
        await self._note_enqueued([run.run_id for run in here if _is_news(run, known[run.run_id])], epoch)
        await self._note_finished([run.run_id for run in here if known[run.run_id].state is RunState.FINISHED], epoch)
        await self._queue.forget_ended(_KEEP_MS)

    async def _note_lost(self, runs: list[Registered]) -> None:
        for run_id in await self._registry.lost(runs) if runs else []:
            log.error("run_queue_lost", run_id=run_id, hint="newar run recover sends what is left")

    async def _hold_strangers(self, here: list[RunGlance], epoch: str) -> None:
        """Stop runs of an old queue that was set back after they had been recovered into another."""
        for run_id in await self._registry.elsewhere(await self._queue.unfinished(), epoch):
            if await self._queue.hold(run_id, _REGISTRY):
                log.error("run_held", run_id=run_id, reason="another queue holds it, or it was finished there")
        for run in here:
            if _REGISTRY in run.held_by:
                await self._queue.let_go(run.run_id, _REGISTRY)

    async def _note_back(self, runs: list[Registered], epoch: str) -> None:
        for run_id in await self._registry.back(runs, epoch) if runs else []:
            log.warning("run_queue_back", run_id=run_id)

    async def _note_brakes(self, runs: list[Registered], known: dict[str, RunGlance], epoch: str) -> None:
        """Note which rule brakes a run: until a person resumes it, it may not suppress anybody.

        Of a run that was recovered only the registry knows which rule it was.
        """
        braked = {run.run_id: run.brake_rule for run in runs if _BRAKE in known[run.run_id].held_by}
        rules = braked | {run.run_id: run.brake_rule for run in await self._facts(list(braked)) if run.brake_rule}
        if news := {i.run_id: rules.get(i.run_id) for i in runs if i.brake_rule != rules.get(i.run_id)}:
            await self._registry.brakes(news, epoch)

    async def _note_ends(self, runs: list[Registered], known: dict[str, RunGlance], epoch: str) -> None:
        """Note which runs are being drained: one that was cancelled stays so, whatever becomes of its queue."""
        ends = {run.run_id: known[run.run_id].state.value for run in runs if known[run.run_id].state in _DRAINING}
        if news := {run.run_id: ends[run.run_id] for run in runs if ends.get(run.run_id, run.ended_as) != run.ended_as}:
            await self._registry.ends(news, epoch)

    async def _note_enqueued(self, run_ids: list[str], epoch: str) -> None:
        if done := [run for run in await self._facts(run_ids) if run.enqueued]:
            await self._registry.enqueued(done, epoch)

    async def _note_finished(self, run_ids: list[str], epoch: str) -> None:
        """Those that are new in the queue, and those that a lost and rebuilt registry does not know as finished."""
        reported = await self._queue.finished()
        known = await self._facts(run_ids)
        done = {run.run_id: run for run in [*known, *reported] if run.state is RunState.FINISHED}
        for run_id in await self._registry.finished(list(done.values()), epoch) if done else []:
            log.info("run_finished", run_id=run_id, recipients=done[run_id].recipients, **done[run_id].outcomes)
        await self._queue.confirm_finished([run.run_id for run in reported])

    async def _facts(self, run_ids: list[str]) -> list[RunFacts]:
        return list((await self._queue.facts(run_ids)).values()) if run_ids else []


def _is_news(run: Registered, known: RunGlance) -> bool:
    """Say whether all recipients are in the queue, and the registry does not know it yet."""
    return run.state == RunState.ENQUEUING and known.enqueued
