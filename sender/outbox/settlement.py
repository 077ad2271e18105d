"""Settling: from what happened to a job to its log event and its place in the queue. No decisions here."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

import msgspec
import structlog
import trio

from schema.event import SCHEMA_VERSION, LogEvent, at_us, encode_event
from schema.job import Job, encode_record, event_id
from schema.outcomes import ErrorClass, Outcome
from sender.figures import Figures
from sender.graph.api.classify import Answer
from sender.outbox.unacknowledged import Unrelayed
from sender.queue.group_commit import Group
from sender.queue.held_jobs import Hands
from sender.queue.session_queue import ClaimedGroup, Settlement, WorkQueue
from sender.queue.until_answered import Persistence

log = structlog.get_logger()

_LOG_AGAIN_GROUP = 1000
_SETTLE_WITHIN_S = 0.012
"""How long a settlement waits for others; nobody waits for it."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How one attempt ended."""

    session: str
    """Which holds the job."""
    run_id: str
    page_id: str
    job: bytes
    content: Job
    attempt: int
    """0: ended without a mark."""
    sent_at_us: int
    """Redis's time of the mark; 0 when there was none."""
    outcome: Outcome
    error_class: ErrorClass | None = None
    counted: bool = False
    delay_ms: int = 0
    answer: Answer | None = None
    reason: str | None = None
    """For people, where no answer has a text."""
    latency_ms: float | None = None

    @classmethod
    def unsent(
        cls,
        group: ClaimedGroup,
        job: bytes,
        content: Job,
        outcome: Outcome,
        error_class: ErrorClass,
        reason: str | None = None,
    ) -> Ended:
        """Return the end of a claimed job of which nothing was to leave."""
        return cls(
            session=group.session,
            run_id=group.run_id,
            page_id=group.page_id,
            job=job,
            content=content,
            attempt=0,
            sent_at_us=0,
            outcome=outcome,
            error_class=error_class,
            reason=reason,
        )


class Settling:
    """Settles in groups; `group.run` must run as a service. Adding never waits."""

    def __init__(
        self,
        queue: WorkQueue,
        hands: Hands,
        persist: Persistence,
        figures: Figures,
        unrelayed: Unrelayed,
        *,
        sender_id: str,
        enough: int,
    ) -> None:
        self._queue = queue
        self._hands = hands
        self._persist = persist
        self._figures = figures
        self._unrelayed = unrelayed
        self._sender_id = sender_id
        self._number = 0
        self._ended_at: list[float] = []
        self.group: Group[tuple[str, Settlement], bool] = Group(self._commit, pause_s=_SETTLE_WITHIN_S, enough=enough)

    def end(self, ended: Ended) -> None:
        """Settle an attempt with its outcome and event."""
        self._leaves(ended.session, ended.job)
        self._ended_at.append(trio.current_time())
        record = b""
        if ended.outcome is Outcome.RETRYING:
            record = encode_record(ended.job, after(ended.content, attempt=ended.attempt, counted=ended.counted))
        settlement = Settlement(
            ended.job,
            ended.run_id,
            ended.page_id,
            ended.outcome.value,
            encode_event(self._event(ended)),
            record,
            ended.delay_ms,
        )
        self.group.add((ended.session, settlement))

    def give_back(self, session: str, run_id: str, page_id: str, job: bytes, content: Job, *, attempt: int) -> None:
        """Return a job of which nothing left. `attempt`: the number of the mark it may have got, else its last one."""
        self._leaves(session, job)
        record = encode_record(job, after(content, attempt=attempt, counted=False))
        self.group.add((session, Settlement(job, run_id, page_id, "", record=record)))

    async def log_again(self) -> None:
        """After the session was lost, perhaps with all of Redis: pass on what may have stood in the lost outbox."""
        events, logged = self._unrelayed.take(), 0
        for first in range(0, len(events), _LOG_AGAIN_GROUP):
            group = events[first : first + _LOG_AGAIN_GROUP]
            logged += await self._persist(lambda group=group: self._queue.log_again(group))  # type: ignore[misc]
        if logged:
            log.warning("events_logged_again", events=logged)

    def _leaves(self, session: str, job: bytes) -> None:
        if session == self._queue.session:
            self._hands.leave(job)

    def _event(self, ended: Ended) -> LogEvent:
        answer = ended.answer
        return LogEvent(
            event_id=event_id(ended.job, ended.attempt),
            run_id=ended.run_id,
            page_id=ended.page_id,
            recipient_id=ended.content.recipient_id,
            attempt=ended.attempt,
            outcome=ended.outcome,
            sent_at=at_us(ended.sent_at_us or self._hands.redis_now_us()),
            sender_id=self._sender_id,
            schema_version=SCHEMA_VERSION,
            error_class=ended.error_class,
            error_code=answer.code if answer else None,
            error_subcode=answer.subcode if answer else None,
            error_message=(answer.message if answer else None) or ended.reason,
            http_status=answer.http_status if answer else None,
            message_id=answer.message_id if answer else None,
            latency_ms=ended.latency_ms,
            fbtrace_id=answer.fbtrace_id if answer else None,
        )

    async def _commit(self, settlements: list[tuple[str, Settlement]]) -> list[bool]:
        ended_at, self._ended_at = self._ended_at, []
        ours: list[bool] = []
        for session, group in groupby(settlements, key=itemgetter(0)):  # of several only when one was lost
            ours += await self._settle(session, [settlement for _, settlement in group])
        now = trio.current_time()
        for at in ended_at:
            self._figures.to_settlement.add((now - at) * 1000)
        return ours

    async def _settle(self, session: str, settlements: list[Settlement]) -> list[bool]:
        self._number += 1
        for settlement in settlements:
            if settlement.event:
                self._unrelayed.add(settlement.run_id, settlement.page_id, settlement.event)
        ours = await self._persist(lambda: self._queue.settle(self._number, settlements, session=session))
        for settlement, done in zip(settlements, ours, strict=True):
            if session == self._queue.session:
                self._hands.left(settlement.job)
            if not done:
                self._figures.stale_settlements += 1
                self._unrelayed.discard(settlement.event)
            elif settlement.outcome:
                self._figures.settled(settlement.outcome)
        return ours


def after(job: Job, *, attempt: int, counted: bool) -> Job:
    """Return the job as it goes back after this attempt."""
    return msgspec.structs.replace(job, attempts=max(attempt, job.attempts), retries=job.retries + counted)
