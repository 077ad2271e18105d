"""One request's way out, in six steps: made, connected, marked, sent, judged, settled."""

from __future__ import annotations

import httpx
import msgspec
import trio

from sender.delivery.after_answer import decide_lost, decide_missing
from sender.delivery.graph_outage import GraphOutage
from sender.delivery.judgement import Judgement, judge
from sender.delivery.marks import Marks
from sender.delivery.run_contexts import RunContext
from sender.figures import Figures
from sender.graph.api.classify import oddities
from sender.graph.http.connection import Connection
from sender.graph.http.errors import AnswerLost, NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.message.errors import NotSendable
from sender.message.window import Now, outside_window
from sender.outbox.ending import Ending
from sender.outbox.settlement import Settlements
from sender.queue.claimed_job import ClaimedJob
from sender.queue.held_jobs import HeldJobs
from sender.rules.rule_table import RuleTable
from sender.settings import SenderSettings

_CUT_SHORT = "cut short before the answer came"
_CLAIM_GOOD_FOR_S = 0.8
"""A job that could not be marked so soon after its claim goes back: it may have been paused, or denied, meanwhile."""


class RequestBatch(msgspec.Struct, frozen=True):
    """Jobs of one run that travel in one request: one, or up to a batch."""

    context: RunContext
    jobs: list[ClaimedJob]


class _Made(msgspec.Struct, frozen=True):
    """A job with its ready request, or with its member of a batch's."""

    job: ClaimedJob
    part: httpx.Request | bytes


class Delivery:
    """What all sender tasks share.

    Args:
        pool: connections to the Graph API.
        origin: where that is.
        graph_outage: whether it can be reached.
        marks: marks jobs before their request leaves.
        rules: what answers mean beyond their own message.
        settlements: takes every job at the end of its way.
        held: knows Redis's time.
        figures: counts latencies.
        settings: time-outs, the batch size, and whether the 24-hour window is kept.
    """

    def __init__(
        self,
        *,
        pool: Pool,
        origin: Origin,
        graph_outage: GraphOutage,
        marks: Marks,
        rules: RuleTable,
        settlements: Settlements,
        held: HeldJobs,
        figures: Figures,
        settings: SenderSettings,
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._graph_outage = graph_outage
        self._marks = marks
        self._rules = rules
        self._settlements = settlements
        self._held = held
        self._figures = figures
        self._settings = settings
        self._batched = settings.graph_batch_size > 1
        self._on_their_way: set[trio.CancelScope] = set()

    async def deliver(self, batch: RequestBatch) -> None:
        """Bring every job of the batch to its end, or back into the queue.

        Cut short anywhere, what never left goes back. What has left is cut short by nothing but `give_up`, and then
        settled as lost.
        """
        context, connection = batch.context, None
        try:
            made = self._make(batch)
            if not made:
                return
            connection = await self._connect()
            if connection is None:
                return
            marked = await self._mark(made)
            if not marked:
                return
            response, latency_ms = await self._send(context, marked, connection)
            if response is None:
                return
            jobs = [one.job for one in marked]
            judgement = judge(response, jobs, context, self._rules, batched=self._batched)
            if judgement.misplaced:
                connection.usable = False  # what comes next on it would be another's answer too
            self._settle(jobs, judgement, latency_ms)
        finally:
            self._settle_rest(batch, connection)

    def give_up(self) -> None:
        """Wait for no answer any more."""
        for scope in self._on_their_way:
            scope.cancel()

    def _make(self, batch: RequestBatch) -> list[_Made]:
        """Fill in the messages; settle the jobs that may not or cannot be sent."""
        run, requests = batch.context.run, batch.context.requests
        now = Now(self._held.no_later_than_ms(), self._held.no_earlier_than_ms())
        make = requests.member if self._batched else requests.single
        made = []
        for job in batch.jobs:
            refusal = None
            if self._settings.enforce_messaging_window:
                refusal = outside_window(run.messaging_type, job.content.last_interaction_ms, now)
            try:
                if refusal is None:
                    made.append(_Made(job, make(job.id, job.content, job.attempt)))
            except NotSendable as exc:
                refusal = exc
            if refusal is not None:
                ending = Ending(outcome=refusal.outcome, error_class=refusal.error_class)
                self._settlements.settle(job, ending, reason=refusal.reason)
        return made

    async def _connect(self) -> Connection | None:
        """Take a connection; None: the Graph API cannot be reached, and nothing has left."""
        connection = self._pool.acquire_idle(self._origin)
        if connection is not None:
            return connection
        failure = NotSent("connect", f"no connection within {self._settings.connect_timeout_ms} ms")
        with trio.move_on_after(self._settings.connect_timeout_ms / 1000):
            try:
                return await self._pool.acquire(self._origin)
            except NotSent as exc:
                failure = exc
        self._graph_outage.failed(failure)
        return None

    async def _mark(self, made: list[_Made]) -> list[_Made]:
        """Mark the jobs; return those that are ours and may leave now."""
        jobs = [one.job for one in made]
        if self._too_late(jobs[0]):
            return []
        await self._marks.mark(jobs)
        if self._too_late(jobs[0]) or not self._marks.certainly_ours(jobs[0]):
            return []
        return [one for one in made if one.job.sent_at_us and not one.job.done]

    def _too_late(self, job: ClaimedJob) -> bool:
        """Say whether what was true at the claim may not be so any more: the hours, the page's pause, a deny entry."""
        if trio.current_time() - job.claimed_at > _CLAIM_GOOD_FOR_S:
            return True
        return 0 < job.closes_ms <= (job.sent_at_us or self._held.redis_now_us()) // 1000

    async def _send(
        self, context: RunContext, marked: list[_Made], connection: Connection
    ) -> tuple[httpx.Response | None, float]:
        """Send one request for all; return the answer, None when there is none, and how many ms it took."""
        request = self._request(context, marked)
        settings, media = self._settings, context.run.content == "media"
        timeout_ms = settings.send_timeout_media_ms if media else settings.send_timeout_ms
        started_at = trio.current_time()
        self._figures.to_first_byte.add((started_at - marked[0].job.claimed_at) * 1000)
        response, failure = None, f"no answer within {timeout_ms} ms"
        await trio.lowlevel.checkpoint_if_cancelled()  # the last moment at which it can be held back
        scope = trio.CancelScope(
            deadline=started_at + timeout_ms / 1000, shield=True
        )  # half of a `move_on_after`'s cost
        self._on_their_way.add(scope)
        with scope:
            try:
                response = await connection.send(request)
            except (NotSent, AnswerLost) as exc:
                failure = str(exc)
                if connection.fresh:  # whoever takes connections, only to close them, cannot be reached either
                    self._graph_outage.failed(exc)
            finally:
                self._on_their_way.discard(scope)
        latency_ms = (trio.current_time() - started_at) * 1000
        if response is not None:
            self._graph_outage.answered()
            self._figures.latencies.add(latency_ms)
        elif connection.sent_anything:
            for one in marked:
                self._settle_missing(context, one.job, failure, latency_ms)
        return response, latency_ms

    def _request(self, context: RunContext, marked: list[_Made]) -> httpx.Request:
        first = marked[0].part
        if isinstance(first, httpx.Request):
            return first
        return context.requests.batch([one.part for one in marked if isinstance(one.part, bytes)])

    def _settle(self, jobs: list[ClaimedJob], judgement: Judgement, latency_ms: float) -> None:
        odd = oddities(judgement.answers)
        self._figures.malformed_headers += odd.malformed_headers
        self._figures.unknown_codes += odd.unknown_codes
        for job, answer, ending in zip(jobs, judgement.answers, judgement.endings, strict=True):
            self._settlements.settle(job, ending, answer=answer, latency_ms=latency_ms)

    def _settle_missing(self, context: RunContext, job: ClaimedJob, reason: str, latency_ms: float) -> None:
        """Settle a job that has left and that the Graph API gave no answer to."""
        on_unknown, version = context.run.on_unknown, context.token_version
        ending = decide_missing(job.content, self._rules, on_unknown=on_unknown, token_version=version)
        self._settlements.settle(job, ending, reason=reason, latency_ms=latency_ms)

    def _settle_rest(self, batch: RequestBatch, connection: Connection | None) -> None:
        """Settle the jobs whose way was cut short, and let the connection go."""
        for job in batch.jobs:
            if not job.done and connection is not None and connection.sent_anything:
                ending = decide_lost(job.content, on_unknown=batch.context.run.on_unknown)
                self._settlements.settle(job, ending, reason=_CUT_SHORT)
            elif not job.done:
                self._settlements.give_back(job)
        if connection is not None:
            connection.release()
