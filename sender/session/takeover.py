"""Taking over from senders whose lease ran out."""

from __future__ import annotations

import structlog
import trio

from sender.queue.session_queue import SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.session.lost_jobs import LostJobs

log = structlog.get_logger()


class Takeover:
    """Looks for such sessions; what they had marked may have left.

    Args:
        queue: gives their unmarked jobs back, and the marked ones to us.
        until_answered: repeats a call until Redis has answered it.
        lost_jobs: settles the marked ones.
        lease_s: how long a lease is.
    """

    def __init__(
        self, queue: SessionQueue, until_answered: UntilAnswered, lost_jobs: LostJobs, *, lease_s: float
    ) -> None:
        self._queue = queue
        self._until_answered = until_answered
        self._lost_jobs = lost_jobs
        self._pause_s = lease_s / 4

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(self._pause_s)
            while (taken := await self._until_answered(self._queue.take_over)) is not None:
                session, lost = taken
                log.warning("session_taken_over", session=session[:8], marked=len(lost))
                await self._lost_jobs.settle(lost)
