"""Settling: from what happened to a job to its log event and its place in the queue. No decisions here."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

import msgspec
import structlog
import trio

from schema.event import SCHEMA_VERSION, LogEvent, at_us, encode_event
from schema.job import Job, encode_record, event_id
from schema.outcomes import Outcome
from sender.figures import Figures
from sender.graph.api.classify import Answer
from sender.outbox.ending import Ending
from sender.outbox.happenings import tell
from sender.outbox.unacknowledged import Unacknowledged
from sender.queue.claimed_job import ClaimedJob
from sender.queue.group_commit import GroupCommit
from sender.queue.held_jobs import HeldJobs
from sender.queue.session_queue import SessionQueue, Settlement
from sender.queue.until_answered import UntilAnswered

log = structlog.get_logger()

_LOG_AGAIN_GROUP = 1000
_SETTLE_WITHIN_S = 0.012
"""How long a settlement waits for others; nobody waits for it."""


class Settlements:
    """Settles in groups; `group.run` must run as a service. Adding never waits.

    Args:
        queue: where jobs are settled.
        held: forgets them, once that is answered.
        until_answered: repeats a settlement until Redis has answered it.
        figures: counts outcomes, and how long settling takes.
        unacknowledged: remembers the events, in case Redis loses them.
        sender_id: this process, as the log names it.
        enough: jobs that are settled without waiting for more.
    """

    def __init__(
        self,
        queue: SessionQueue,
        held: HeldJobs,
        until_answered: UntilAnswered,
        figures: Figures,
        unacknowledged: Unacknowledged,
        *,
        sender_id: str,
        enough: int,
    ) -> None:
        self._queue = queue
        self._held = held
        self._until_answered = until_answered
        self._figures = figures
        self._unacknowledged = unacknowledged
        self._sender_id = sender_id
        self._number = 0
        self._ended_at: list[float] = []
        self.group: GroupCommit[tuple[str, Settlement], bool] = GroupCommit(
            self._commit, pause_s=_SETTLE_WITHIN_S, enough=enough
        )

    def settle(
        self,
        job: ClaimedJob,
        ending: Ending,
        *,
        answer: Answer | None = None,
        reason: str | None = None,
        latency_ms: float | None = None,
    ) -> None:
        """Settle an attempt with its event; without a mark it counts as attempt 0.

        Args:
            job: whose attempt it was.
            ending: how it ended.
            answer: of the Graph API, if there was one.
            reason: for people, where no answer has a text.
            latency_ms: from the request to its answer.
        """
        attempt = job.attempt if job.sent_at_us else 0
        record = b""
        if ending.outcome is Outcome.RETRYING:
            record = encode_record(job.id, after(job.content, attempt=attempt, counted=ending.counted))
        event = LogEvent(
            event_id=event_id(job.id, attempt),
            run_id=job.run_id,
            page_id=job.page_id,
            recipient_id=job.content.recipient_id,
            attempt=attempt,
            outcome=ending.outcome,
            sent_at=at_us(job.sent_at_us or self._held.redis_now_us()),
            sender_id=self._sender_id,
            schema_version=SCHEMA_VERSION,
            error_class=ending.error_class,
            error_code=answer.code if answer else None,
            error_subcode=answer.subcode if answer else None,
            error_message=(answer.message if answer else None) or reason,
            http_status=answer.http_status if answer else None,
            message_id=answer.message_id if answer else None,
            latency_ms=latency_ms,
            fbtrace_id=answer.fbtrace_id if answer else None,
        )
        self._ended_at.append(trio.current_time())
        self._add(job, ending.outcome.value, encode_event(event), record, ending, latency_ms)

    def give_back(self, job: ClaimedJob) -> None:
        """Return a job of which nothing left."""
        attempt = job.attempt if job.mark_asked else 0
        self._add(job, "", b"", encode_record(job.id, after(job.content, attempt=attempt, counted=False)))

    async def log_again(self) -> None:
        """Pass on what the broker has not acknowledged, and Redis has perhaps lost."""
        settled, logged = self._unacknowledged.all_answered(), 0
        for first in range(0, len(settled), _LOG_AGAIN_GROUP):
            group = settled[first : first + _LOG_AGAIN_GROUP]
            logged += await self._until_answered(lambda group=group: self._queue.log_again(group))  # type: ignore[misc]
        if logged:
            log.warning("events_logged_again", events=logged)

    def _add(
        self,
        job: ClaimedJob,
        outcome: str,
        event: bytes,
        record: bytes,
        ending: Ending | None = None,
        latency_ms: float | None = None,
    ) -> None:
        job.done = True
        if job.session == self._queue.session:
            self._held.leave(job.id)
        settlement = Settlement(job.id, job.run_id, job.page_id, outcome, event, record)
        if ending is not None:
            letter = ending.letter if job.content.attempts else ending.letter.upper()
            settlement = Settlement(
                *(job.id, job.run_id, job.page_id, outcome, event, record),
                *(ending.delay_ms, letter, job.sent_at_us, ending.verdict, ending.error_class or "", latency_ms),
            )
        self.group.add((job.session, settlement))

    async def _commit(self, settlements: list[tuple[str, Settlement]]) -> list[bool]:
        ended_at, self._ended_at = self._ended_at, []
        ours: list[bool] = []
        for session, group in groupby(settlements, key=itemgetter(0)):  # of several only when one was lost
            ours += await self._settle_group(session, [settlement for _, settlement in group])
        now = trio.current_time()
        for at in ended_at:
            self._figures.to_settlement.add((now - at) * 1000)
        return ours

    async def _settle_group(self, session: str, settlements: list[Settlement]) -> list[bool]:
        self._number += 1
        for settlement in settlements:
            if settlement.event:
                self._unacknowledged.add(settlement)
        ours, happened = await self._until_answered(
            lambda: self._queue.settle(self._number, settlements, session=session)
        )
        for one in happened:
            tell(one)
        for settlement, done in zip(settlements, ours, strict=True):
            if session == self._queue.session:
                self._held.left(settlement.job)
            if not done:
                self._figures.stale_settlements += 1
                self._unacknowledged.discard(settlement.event)
                continue
            self._unacknowledged.answered(settlement.event)
            if settlement.outcome:
                self._figures.settled(settlement.outcome)
                self._figures.seconds.count(
                    *(settlement.run_id, settlement.page_id, settlement.outcome),
                    *(settlement.error_class, settlement.latency_ms),
                )
        return ours


def after(job: Job, *, attempt: int, counted: bool) -> Job:
    """Return the job as it goes back after this attempt."""
    return msgspec.structs.replace(job, attempts=max(attempt, job.attempts), retries=job.retries + counted)
