"""Claiming as many jobs as there are idle tasks, and handing them to the sender tasks in request batches."""

from __future__ import annotations

import secrets

import structlog
import trio

from schema.event import MAX_ERROR_MESSAGE
from schema.job import JOB_ID_BYTES
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.stop import Stop
from sender.delivery.delivery import Delivery, RequestBatch
from sender.delivery.graph_outage import GraphOutage
from sender.delivery.run_contexts import RunContext, RunContexts, RunUnsendable
from sender.figures import Figures
from sender.outbox.ending import Ending, stood_aside
from sender.outbox.settlement import Settlements
from sender.queue.claimed_job import ClaimedJob
from sender.queue.held_jobs import HeldJobs
from sender.queue.page_queue import PageQueue
from sender.queue.replica_outage import ReplicaOutage
from sender.queue.session_queue import Claim, ClaimedGroup, SessionGone, SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.settings import SenderSettings

log = structlog.get_logger()

_GATHER_S = 0.012
"""How long a claim waits for more tasks to become idle: a claim costs more than what it brings for one."""
_RATION_S = 0.02
"""Between claims while there is less to send than there are idle tasks: less than a tenth of a second's burst."""
_ASK_AGAIN_S = 0.25
"""How often an idle sender asks for work, when the queue does not know when there will be some."""
_LONGEST_COOLDOWN_MS = 3_600_000
"""Of a page that cannot be used as it stands: each failed probe doubles the time up to this."""


class Dispatcher:
    """Feeds the sender tasks. Stops claiming at once when a stop is requested.

    Args:
        queue: where jobs are claimed.
        contexts: what the jobs of a run share.
        delivery: brings a request batch to its end.
        graph_outage: while it is down, one job at a time is claimed.
        replica_outage: while it is down, none is.
        pages: is told of those that nothing can be sent for.
        settlements: takes jobs that end, or go back, without having been delivered.
        held: notes what was claimed, and bounds it.
        figures: counts busy tasks.
        until_answered: repeats a claim until Redis has answered it.
        settings: numbers of tasks, and the batch size.
        stop: ends the claiming.
    """

    def __init__(
        self,
        *,
        queue: SessionQueue,
        contexts: RunContexts,
        delivery: Delivery,
        graph_outage: GraphOutage,
        replica_outage: ReplicaOutage,
        pages: PageQueue,
        settlements: Settlements,
        held: HeldJobs,
        figures: Figures,
        until_answered: UntilAnswered,
        settings: SenderSettings,
        stop: Stop,
    ) -> None:
        self._queue = queue
        self._contexts = contexts
        self._delivery = delivery
        self._graph_outage = graph_outage
        self._replica_outage = replica_outage
        self._pages = pages
        self._cooldown_ms = settings.circuit_breaker_cooldown_ms
        self._settlements = settlements
        self._held = held
        self._figures = figures
        self._until_answered = until_answered
        self._stop = stop
        self._batch = settings.graph_batch_size
        self._tasks = settings.worker_concurrency
        self._idle = self._tasks
        self._enough = (self._tasks + 1) // 2
        """Idle tasks for which a claim is made at once."""
        self._became_idle = trio.Event()
        self._enough_idle = trio.Event()
        self._batches_out, self._batches_in = trio.open_memory_channel[RequestBatch](0)

    async def work(self) -> None:
        """One sender task: deliver batch after batch until there will be no more."""
        async for batch in self._batches_in:
            try:
                await self._delivery.deliver(batch)
            finally:
                self._idle += 1
                self._figures.busy_tasks = self._tasks - self._idle
                self._became_idle.set()
                if self._idle == self._enough:
                    self._enough_idle.set()

    async def run(self) -> None:
        """Claim until a stop is requested, then let the tasks end."""
        async with self._batches_out:
            while not self._stop.requested.is_set():
                await self._pause_for_replicas()
                await self._pause_for_graph()
                want = await self._room()
                if self._stop.requested.is_set():
                    return
                claim = await self._claim(want)
                if claim is None:
                    continue
                await self._hand_out(claim.groups)
                await self._wait(_pause_s(claim, want))

    async def _room(self) -> int:
        """Wait for idle tasks, a moment longer for more of them; return how many jobs may be claimed."""
        while (room := self._free()) <= 0 and not self._stop.requested.is_set():
            self._became_idle = self._held.fewer = trio.Event()
            with trio.move_on_after(_ASK_AGAIN_S):
                await self._became_idle.wait()
        if self._idle < self._enough:
            self._enough_idle = trio.Event()
            with trio.move_on_after(_GATHER_S):
                await self._enough_idle.wait()
            room = self._free()
        return 1 if self._graph_outage.down else room

    def _free(self) -> int:
        """Return for how many jobs there are idle tasks; what waits for its settlement is bounded too."""
        return min(self._idle * self._batch, 2 * self._tasks * self._batch - len(self._held))

    async def _pause_for_graph(self) -> None:
        """While the Graph API cannot be reached, claim nothing, and then one job to try it."""
        if (wait_s := self._graph_outage.wait_s) > 0:
            await self._wait(wait_s)

    async def _pause_for_replicas(self) -> None:
        """While Redis's replicas do not answer, claim nothing: nothing could leave."""
        while self._replica_outage.down and not self._stop.requested.is_set():
            await self._replica_outage.ask()

    async def _wait(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._stop.requested.wait()

    async def _claim(self, want: int) -> Claim | None:
        claim_id = secrets.token_hex(8)
        try:
            claim = await self._until_answered(lambda: self._queue.claim(claim_id, want))
        except SessionGone:
            await self._wait(_ASK_AGAIN_S)  # `session/lease.py` opens a new session
            return None
        for group in claim.groups:
            if group.session == self._queue.session:
                for twice in self._held.take(record[:JOB_ID_BYTES] for record in group.records):
                    group.records[:] = [r for r in group.records if not r.startswith(twice)]
        return claim

    async def _hand_out(self, groups: list[ClaimedGroup]) -> None:
        """Give every job to a task; cut short, those that no task has go back into the queue."""
        rest = [(group, self._jobs(group)) for group in groups]
        try:
            while rest:
                group, jobs = rest[0]
                try:
                    context = await self._contexts.get(group)
                except RunUnsendable as exc:
                    await self._refuse(group, jobs, exc)
                except SessionGone:
                    self._give_back(jobs)
                else:
                    await self._send_off(context, jobs)
                rest.pop(0)
        finally:
            for _, jobs in rest:
                self._give_back(jobs)

    async def _send_off(self, context: RunContext, jobs: list[ClaimedJob]) -> None:
        """Hand jobs over in batches, each to a waiting task; those handed over are removed from the list."""
        while jobs:
            batch = RequestBatch(context, jobs[: self._batch])
            try:
                self._batches_out.send_nowait(batch)  # a task waits already: no need to let the others run first
            except trio.WouldBlock:
                await self._batches_out.send(batch)
            del jobs[: self._batch]
            self._idle -= 1
            self._figures.busy_tasks = self._tasks - self._idle

    def _give_back(self, jobs: list[ClaimedJob]) -> None:
        for job in jobs:
            self._settlements.give_back(job)
        jobs.clear()

    def _jobs(self, group: ClaimedGroup) -> list[ClaimedJob]:
        """Decode a group's records; those that are corrupt end here."""
        jobs, now = [], trio.current_time()
        for record in group.records:
            job = ClaimedJob.of_record(
                record,
                run_id=group.run_id,
                page_id=group.page_id,
                session=group.session,
                claimed_at=now,
                closes_ms=group.closes_ms,
            )
            if job.content.aside is not None:  # its sender died while it was being drained
                self._settlements.settle(job, stood_aside(job.content.aside), reason=job.content.aside.reason)
                continue
            if job.corrupt is None:
                jobs.append(job)
                continue
            log.error("corrupt_job", run_id=group.run_id, reason=job.corrupt)
            self._fail(job, ErrorClass.CORRUPT, f"{job.corrupt}; its bytes: {record.hex()}")
        return jobs

    async def _refuse(self, group: ClaimedGroup, jobs: list[ClaimedJob], why: RunUnsendable) -> None:
        """Nothing of this run can be sent: end its jobs, or hold the page until a person has mended it."""
        if not why.page_wide:
            for job in jobs:
                self._fail(job, why.error_class, why.reason)
            return
        log.error("page_unusable", page_id=group.page_id, reason=why.reason)
        longest_ms = max(self._cooldown_ms, _LONGEST_COOLDOWN_MS)
        args = (group.page_id, why.reason, self._cooldown_ms, longest_ms, group.token_version)
        await self._until_answered(lambda: self._pages.unusable(*args))
        self._give_back(jobs)

    def _fail(self, job: ClaimedJob, error_class: ErrorClass, reason: str) -> None:
        ending = Ending(outcome=Outcome.FAILED, error_class=error_class)
        self._settlements.settle(job, ending, reason=reason[:MAX_ERROR_MESSAGE])


def _pause_s(claim: Claim, want: int) -> float:
    """Return how long to wait after a claim: not at all when it brought what was wanted."""
    jobs = sum(len(group.records) for group in claim.groups)
    if jobs >= want:
        return 0.0
    if jobs or claim.wait_ms is None:
        return _RATION_S if jobs else _ASK_AGAIN_S
    return max(_RATION_S, min(_ASK_AGAIN_S, claim.wait_ms / 1000))
