"""Keeping our lease: a session is opened, renewed, opened anew when it was lost, and given up at the end."""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio
from redis.exceptions import TimeoutError as RedisTimeout

from schema.job import JOB_ID_BYTES
from sender.figures import Figures
from sender.outbox.settlement import Settlements
from sender.queue.held_jobs import HeldJobs
from sender.queue.session_queue import SessionGone, SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.session.lost_jobs import LostJobs
from sender.session.two_clocks import TwoClocks

log = structlog.get_logger()


class Lease:
    """Keeps this process's session.

    Args:
        queue: holds the session.
        held: what we believe to hold, compared with what the queue says at each renewal.
        settlements: logs again what may have been lost with a session.
        lost_jobs: settles marked jobs that we never heard of.
        until_answered: repeats a call until Redis has answered it.
        figures: is told how far Redis's clock is from ours.
        on_session: is called with each new session's token.
    """

    def __init__(
        self,
        queue: SessionQueue,
        held: HeldJobs,
        settlements: Settlements,
        lost_jobs: LostJobs,
        until_answered: UntilAnswered,
        figures: Figures,
        *,
        on_session: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._held = held
        self._settlements = settlements
        self._lost_jobs = lost_jobs
        self._until_answered = until_answered
        self._clocks = TwoClocks(figures)
        self._on_session = on_session
        self._keeping = trio.CancelScope()
        self._unheard_of: set[bytes] = set()

    async def keep(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open a session and renew its lease until it is given up; open another when it was taken over."""
        await self._open()
        task_status.started()
        with self._keeping:
            while True:
                await trio.sleep(self._held.lease_s / 5)
                await self._keep_once()

    async def give_up(self) -> None:
        """Close the session. Renewals end before: one that follows would find it gone, and open another."""
        self._keeping.cancel()
        await self._until_answered(self._queue.close)

    async def _open(self) -> None:
        asked_at = trio.current_time()
        now_us = await self._until_answered(self._open_once)
        self._held.renewed(max(asked_at, self._renewed_at), now_us)
        self._on_session(self._queue.session)

    async def _open_once(self) -> int:
        self._held.lost()
        self._renewed_at = trio.current_time()
        return await self._queue.open()

    async def _keep_once(self) -> None:
        asked_at = trio.current_time()
        try:
            now_us, held = await self._until_answered(self._renew)
        except SessionGone:
            log.error("session_lost", held=len(self._held))
            await self._open()
            await self._settlements.log_again()
            return
        self._held.renewed(max(asked_at, self._renewed_at), now_us)
        if self._queue.went_back:
            await self._go_on_with_less()
        self._clocks.compare(now_us)
        await self._disown({job for job in held if job not in self._held})

    async def _go_on_with_less(self) -> None:
        """Log what a replica that took over had not heard of. Jobs settled since are held there: they are disowned."""
        self._queue.went_back = False
        log.error("redis_went_back", effect="a replica that lacks the last settlements has taken over: logged again")
        self._on_session(self._queue.session)  # the outbox is read from its beginning
        await self._settlements.log_again()

    async def _renew(self) -> tuple[int, list[bytes]]:
        self._renewed_at = trio.current_time()
        with trio.move_on_after(self._held.lease_s / 3):  # a connection that fell silent must not cost the lease
            return await self._queue.renew(len(self._held))
        raise RedisTimeout("a renewal was not answered in time")

    async def _disown(self, unknown: set[bytes]) -> None:
        """Give back what was unknown at two renewals in a row: a claim's answer may still have been under way.

        What such an answer has brought us meanwhile is on its way, and no longer unknown.
        """
        twice = unknown & self._unheard_of
        self._unheard_of = unknown - twice
        if not twice:
            return
        log.warning("jobs_disowned", jobs=len(twice))
        held = self._held
        lost = await self._until_answered(lambda: self._queue.disown([job for job in twice if job not in held]))
        await self._lost_jobs.settle([one for one in lost if one.record[:JOB_ID_BYTES] not in held])
