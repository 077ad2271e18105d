"""Settlements that are told as traces too, once Redis has taken them. Without traces nothing of this is used."""

from __future__ import annotations

import time
from typing import Any

import trio

from schema.outcomes import Outcome
from schema.runtime.traces import Step, Traces
from sender.graph.api.classify import Answer
from sender.outbox.ending import Ending
from sender.outbox.settlement import Settlements
from sender.queue.claimed_job import ClaimedJob
from sender.queue.session_queue import Settlement

_About = dict[str, str | int]
_LONGEST_ID = 100
_AS_IT_SHOULD = {Outcome.SENT, Outcome.SUPPRESSED, Outcome.EXPIRED, Outcome.CANCELLED}


class TracedSettlements(Settlements):
    """As Settlements; `traces` takes claim and POST of every chosen attempt that was ours to settle."""

    def __init__(self, traces: Traces, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._traces = traces
        self._ended: dict[tuple[str, bytes], _Ended] = {}

    def settle(
        self,
        job: ClaimedJob,
        ending: Ending,
        *,
        answer: Answer | None = None,
        reason: str | None = None,
        latency_ms: float | None = None,
    ) -> None:
        """As there."""
        super().settle(job, ending, answer=answer, reason=reason, latency_ms=latency_ms)
        if job.id in self._traces.share and job.corrupt is None:
            self._ended[job.session, job.id] = _Ended(job, ending, answer, latency_ms, self._held.redis_now_us())

    async def _settle_group(self, session: str, settlements: list[Settlement]) -> list[bool]:
        ours = await super()._settle_group(session, settlements)
        if self._ended:
            for settlement, done in zip(settlements, ours, strict=True):
                ended = self._ended.pop((session, settlement.job), None) if settlement.outcome else None
                if ended is not None and done:
                    ended.tell(self._traces)
        return ours


class _Ended:
    """A settled attempt, with its times by this machine's clock."""

    def __init__(
        self, job: ClaimedJob, ending: Ending, answer: Answer | None, latency_ms: float | None, redis_now_us: int
    ) -> None:
        self._job, self._ending, self._answer = job, ending, answer
        self._ended_ns = self._left_ns = time.time_ns()
        if latency_ms is not None:
            self._left_ns -= round(latency_ms * 1e6)
        elif job.sent_at_us:
            self._left_ns -= max(0, redis_now_us - job.sent_at_us) * 1000
        self._claimed_ns = self._left_ns  # of a job that was taken over nobody knows
        if job.claimed_at:
            claimed_ns = self._ended_ns - round((trio.current_time() - job.claimed_at) * 1e9)
            self._claimed_ns = min(claimed_ns, self._left_ns)

    def tell(self, traces: Traces) -> None:
        job, left = self._job, bool(self._job.sent_at_us)
        attempt = job.attempt if left else 0
        about: _About = {"newar.run_id": job.run_id, "newar.page_id": job.page_id, "newar.attempt": attempt}
        failed = self._ending.outcome not in _AS_IT_SHOULD
        came_to, claimed = self._came_to(), (self._claimed_ns, self._left_ns)
        if not left:
            traces.tell(Step.CLAIM, job.id, attempt, claimed, about | came_to, failed=failed)
            return
        traces.tell(Step.CLAIM, job.id, attempt, claimed, about)
        posted = self._left_ns, self._ended_ns
        traces.tell(Step.POST, job.id, attempt, posted, about | self._answered() | came_to, failed=failed)

    def _came_to(self) -> _About:
        """Return how it ended: never in words, which may hold anything."""
        error_class = self._ending.error_class
        outcome: _About = {"newar.outcome": str(self._ending.outcome)}
        return outcome | {"newar.error_class": str(error_class)} if error_class else outcome

    def _answered(self) -> _About:
        answer = self._answer
        if answer is None:
            return {"http.request.method": "POST"}
        found = {
            "http.response.status_code": answer.http_status,
            "newar.error_code": answer.code,
            "newar.error_subcode": answer.subcode,
            "newar.fbtrace_id": answer.fbtrace_id and answer.fbtrace_id[:_LONGEST_ID],
        }
        return {"http.request.method": "POST", **{name: value for name, value in found.items() if value is not None}}
