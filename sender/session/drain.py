"""Draining: jobs of cancelled and expired runs, and those that stand aside, are settled without being sent.

Slowly enough to leave room to send.
"""

from __future__ import annotations

import secrets

import trio

from schema.job import JOB_ID_BYTES
from schema.outcomes import ErrorClass, Outcome
from sender.outbox.ending import Ending, stood_aside
from sender.outbox.settlement import Settlements
from sender.queue.claimed_job import ClaimedJob
from sender.queue.held_jobs import HeldJobs
from sender.queue.session_queue import ClaimedGroup, SessionGone, SessionQueue
from sender.queue.until_answered import UntilAnswered

_GROUP = 200
_IDLE_S = 0.5
_BUSY_S = 0.05
"""At most 4,000 drained jobs per second and process: sending comes first."""
_CANCELLED = Ending(outcome=Outcome.CANCELLED, error_class=ErrorClass.RUN_CANCELLED)
_EXPIRED = Ending(outcome=Outcome.EXPIRED, error_class=ErrorClass.RUN_EXPIRED)
_DENIED = Ending(outcome=Outcome.SUPPRESSED, error_class=ErrorClass.RECIPIENT_DENIED)


class Drain:
    """Settles such jobs until a stop.

    Args:
        queue: hands them out.
        held: notes them as held.
        settlements: takes them.
        until_answered: repeats a call until Redis has answered it.
    """

    def __init__(
        self, queue: SessionQueue, held: HeldJobs, settlements: Settlements, until_answered: UntilAnswered
    ) -> None:
        self._queue = queue
        self._held = held
        self._settlements = settlements
        self._until_answered = until_answered

    async def run(self, stop: trio.Event) -> None:
        """Drain until a stop."""
        while not stop.is_set():
            drained = 0
            claim_id = secrets.token_hex(8)
            try:
                groups = await self._until_answered(lambda claim_id=claim_id: self._queue.drain(claim_id, _GROUP))  # type: ignore[misc]
            except SessionGone:
                groups = []
            for group in groups:
                for record in group.records:
                    if group.session == self._queue.session and self._held.take([record[:JOB_ID_BYTES]]):
                        continue
                    self._settle(group, record)
                    drained += 1
            with trio.move_on_after(_BUSY_S if drained else _IDLE_S):
                await stop.wait()

    def _settle(self, group: ClaimedGroup, record: bytes) -> None:
        job = ClaimedJob.of_record(record, run_id=group.run_id, page_id=group.page_id, session=group.session)
        aside = job.content.aside
        if aside is not None:
            self._settlements.settle(job, stood_aside(aside), reason=aside.reason)
        elif group.state == "cancelled":
            self._settlements.settle(job, _CANCELLED)
        elif group.state == "expired":
            self._settlements.settle(job, _EXPIRED)
        else:  # put aside by a claim
            self._settlements.settle(job, _DENIED, reason="on the page's deny list")
