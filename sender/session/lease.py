"""Keeping our lease, giving back what we never heard of, taking over from dead senders, draining ended runs."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable

import structlog
import trio
from redis.exceptions import TimeoutError as RedisTimeout

from schema.job import JOB_ID_BYTES, CorruptRecord, Job, decode_record
from schema.outcomes import ErrorClass, Outcome
from schema.run import Run
from sender.delivery.after_answer import decide_lost
from sender.delivery.run_contexts import Contexts
from sender.outbox.settlement import Ended, Settling
from sender.queue.held_jobs import Hands
from sender.queue.session_queue import ClaimedGroup, LostJob, SessionGone, WorkQueue
from sender.queue.until_answered import Persistence

log = structlog.get_logger()

_DRAIN_GROUP = 200
_DRAIN_IDLE_S = 0.5
_DRAIN_BUSY_S = 0.05
"""At most 4,000 drained jobs per second and process: sending comes first."""


class Leases:
    """The services that keep a session honest. `on_session` is called with each new session's token."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        hands: Hands,
        contexts: Contexts,
        settling: Settling,
        persist: Persistence,
        on_session: Callable[[str], None],
    ) -> None:
        self._queue = queue
        self._hands = hands
        self._contexts = contexts
        self._settling = settling
        self._persist = persist
        self._on_session = on_session
        self._keeping = trio.CancelScope()
        self._unheard_of: set[bytes] = set()
        self._random = random.Random()  # noqa: S311 - jitter needs no secrecy

    async def keep(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Open a session and renew its lease until it is given up; open another when it was taken over."""
        await self._open()
        task_status.started()
        with self._keeping:
            while True:
                await trio.sleep(self._hands.lease_s / 5)
                await self._keep_once()

    async def give_up(self) -> None:
        """Close the session. Renewals end before: one that follows would find it gone, and open another."""
        self._keeping.cancel()
        await self._persist(self._queue.close)

    async def take_over(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look for sessions whose lease ran out until cancelled; what they had marked becomes `unknown`."""
        task_status.started()
        while True:
            await trio.sleep(self._hands.lease_s / 4)
            while (taken := await self._persist(self._queue.take_over)) is not None:
                session, lost = taken
                log.warning("session_taken_over", session=session[:8], marked=len(lost))
                await self._settle_lost(lost)

    async def drain(self, stop: trio.Event) -> None:
        """Settle the jobs of cancelled and expired runs until a stop."""
        while not stop.is_set():
            drained = 0
            claim_id = secrets.token_hex(8)
            try:
                groups = await self._persist(lambda claim_id=claim_id: self._queue.drain(claim_id, _DRAIN_GROUP))  # type: ignore[misc]
            except SessionGone:
                groups = []
            for group in groups:
                for record in group.records:
                    if group.session == self._queue.session and self._hands.take([record[:JOB_ID_BYTES]]):
                        continue
                    self._end_unsent(group, record)
                    drained += 1
            with trio.move_on_after(_DRAIN_BUSY_S if drained else _DRAIN_IDLE_S):
                await stop.wait()

    async def _open(self) -> None:
        asked_at = trio.current_time()
        now_us = await self._persist(self._open_once)
        self._hands.renewed(max(asked_at, self._renewed_at), now_us)
        self._on_session(self._queue.session)

    async def _open_once(self) -> int:
        self._hands.lost()
        self._renewed_at = trio.current_time()
        return await self._queue.open()

    async def _keep_once(self) -> None:
        asked_at = trio.current_time()
        try:
            now_us, held = await self._persist(self._renew)
        except SessionGone:
            log.error("session_lost", held=len(self._hands))
            await self._open()
            await self._settling.log_again()
            return
        self._hands.renewed(max(asked_at, self._renewed_at), now_us)
        await self._disown({job for job in held if job not in self._hands})

    async def _renew(self) -> tuple[int, list[bytes]]:
        self._renewed_at = trio.current_time()
        with trio.move_on_after(self._hands.lease_s / 3):  # a connection that fell silent must not cost the lease
            return await self._queue.renew(len(self._hands))
        raise RedisTimeout("a renewal was not answered in time")

    async def _disown(self, unknown: set[bytes]) -> None:
        """Give back what was unknown at two renewals in a row: a claim's answer may still have been under way."""
        twice = unknown & self._unheard_of
        self._unheard_of = unknown - twice
        if twice:
            log.warning("jobs_disowned", jobs=len(twice))
            # what an answer brought us meanwhile is on its way and no longer unknown
            lost = await self._persist(lambda: self._queue.disown([job for job in twice if job not in self._hands]))
            await self._settle_lost([one for one in lost if one.record[:JOB_ID_BYTES] not in self._hands])

    async def _settle_lost(self, lost: list[LostJob]) -> None:
        ours = (one.record[:JOB_ID_BYTES] for one in lost if one.session == self._queue.session)
        self._hands.take(ours)  # before anything is awaited
        runs = {run_id: await self._contexts.run(run_id) for run_id in {one.run_id for one in lost}}
        for one in lost:
            try:
                job, content = decode_record(one.record)
            except CorruptRecord:
                job, content = one.record[:JOB_ID_BYTES], Job(recipient_id="")
            self._end_lost(one, runs[one.run_id], job, content)

    def _end_lost(self, one: LostJob, run: Run | None, job: bytes, content: Job) -> None:
        on_unknown = run.on_unknown if run else "hold"
        decision = decide_lost(content, on_unknown=on_unknown, random=self._random.random)
        self._settling.end(
            Ended(
                session=one.session,
                run_id=one.run_id,
                page_id=run.page_id if run else "",
                job=job,
                content=content,
                attempt=one.attempt,
                sent_at_us=one.sent_at_us,
                outcome=decision.outcome,
                error_class=ErrorClass.AMBIGUOUS,
                counted=decision.counted,
                delay_ms=decision.delay_ms,
                reason="its sender was gone before the answer came",
            )
        )

    def _end_unsent(self, group: ClaimedGroup, record: bytes) -> None:
        try:
            job, content = decode_record(record)
        except CorruptRecord:
            job, content = record[:JOB_ID_BYTES], Job(recipient_id="")
        if group.state == "cancelled":
            ended = Ended.unsent(group, job, content, Outcome.CANCELLED, ErrorClass.RUN_CANCELLED)
        else:
            ended = Ended.unsent(group, job, content, Outcome.EXPIRED, ErrorClass.RUN_EXPIRED)
        self._settling.end(ended)
