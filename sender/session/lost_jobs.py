"""Jobs that were marked by a process that is gone, or that this one never heard of: they may have left."""

from __future__ import annotations

from schema.job import JOB_ID_BYTES
from schema.run import Run
from sender.delivery.after_answer import decide_lost
from sender.delivery.run_contexts import RunContexts
from sender.outbox.settlement import Settlements
from sender.queue.claimed_job import ClaimedJob
from sender.queue.held_jobs import HeldJobs
from sender.queue.session_queue import LostJob, SessionQueue


class LostJobs:
    """Settles them, as their runs want it.

    Args:
        queue: whose session holds them now.
        held: notes that it does.
        contexts: knows what a run wants to be done with them.
        settlements: takes them.
    """

    def __init__(self, queue: SessionQueue, held: HeldJobs, contexts: RunContexts, settlements: Settlements) -> None:
        self._queue = queue
        self._held = held
        self._contexts = contexts
        self._settlements = settlements

    async def settle(self, lost: list[LostJob]) -> None:
        """Settle them as `unknown`, or as `retrying` where the run wants them sent again."""
        ours = (one.record[:JOB_ID_BYTES] for one in lost if one.session == self._queue.session)
        self._held.take(ours)  # before anything is awaited
        runs = {run_id: await self._contexts.run(run_id) for run_id in {one.run_id for one in lost}}
        for one in lost:
            self._settle(one, runs[one.run_id])

    def _settle(self, one: LostJob, run: Run | None) -> None:
        page_id = run.page_id if run else ""
        job = ClaimedJob.of_record(one.record, run_id=one.run_id, page_id=page_id, session=one.session)
        job.attempt, job.sent_at_us = one.attempt, one.sent_at_us
        decision = decide_lost(job.content, on_unknown=run.on_unknown if run else "hold")
        self._settlements.settle(job, decision, reason="its sender was gone before the answer came")
