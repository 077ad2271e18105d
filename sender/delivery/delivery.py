"""One parcel's way: requests made, a connection taken, the mark written, the request sent, the answer settled."""

from __future__ import annotations

import random
from functools import partial
from itertools import groupby
from operator import itemgetter

import msgspec
import trio

from schema.job import Job
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.outage import Outage
from sender.delivery.after_answer import Decision, decide, decide_lost
from sender.delivery.page_health import PageWatch
from sender.delivery.run_contexts import RunContext
from sender.figures import Figures
from sender.graph.api.classify import Answer, classify, split_batch
from sender.graph.http.connection import Connection
from sender.graph.http.errors import AnswerLost, GraphTransportError, NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.response import Response
from sender.message.errors import NotSendable
from sender.message.window import outside_window
from sender.outbox.settlement import Ended, Settling
from sender.queue.group_commit import Group
from sender.queue.held_jobs import Hands
from sender.queue.session_queue import WorkQueue
from sender.queue.until_answered import Persistence
from sender.settings import SenderSettings

_MARK_WITHIN_S = 0.005
"""How long a mark waits for others: a call of Redis costs more than what it does for one job."""
_WORKING = frozenset(
    {
        None,
        ErrorClass.RECIPIENT_WINDOW,
        ErrorClass.RECIPIENT_TEMPORARY,
        ErrorClass.RECIPIENT_PERMANENT,
        ErrorClass.BAD_PAYLOAD,
    }
)
"""Answers that only a page with a valid token and permission gets."""


class Letter(msgspec.Struct):
    """A job on its way."""

    job: bytes
    content: Job
    session: str
    """Under which it was claimed."""
    claimed_at: float
    """On Trio's clock."""
    request: bytes = b""
    """Its ready request, or its member of a batch."""
    sent_at_us: int = 0
    ended: bool = False

    @property
    def attempt(self) -> int:
        """The number of the mark it gets."""
        return self.content.attempts + 1


class Parcel(msgspec.Struct, frozen=True):
    """Jobs of one run that travel in one request: one, or up to a batch."""

    context: RunContext
    letters: list[Letter]


class Delivery:
    """What all sender tasks share."""

    def __init__(
        self,
        *,
        queue: WorkQueue,
        pool: Pool,
        origin: Origin,
        hands: Hands,
        settling: Settling,
        pages: PageWatch,
        figures: Figures,
        persist: Persistence,
        settings: SenderSettings,
    ) -> None:
        self._queue = queue
        self._pool = pool
        self._origin = origin
        self._hands = hands
        self._settling = settling
        self._pages = pages
        self._figures = figures
        self._persist = persist
        self._settings = settings
        self._random = random.Random()  # noqa: S311 - jitter needs no secrecy
        self.graph = Outage("graph_api", longest_s=15.0)
        self.graph_retry_at = 0.0
        self.marks: Group[tuple[str, list[tuple[bytes, int]]], list[int | None]] = Group(
            self._mark, pause_s=_MARK_WITHIN_S, enough=(settings.worker_concurrency + 1) // 2
        )

    async def deliver(self, parcel: Parcel) -> None:
        """Bring every letter of the parcel to its end, or back into the queue. Cancelled: what never left goes back."""
        try:
            letters = self._fit(parcel)
            if letters:
                await self._send(parcel.context, letters)
        finally:
            for letter in parcel.letters:
                if not letter.ended:
                    self._give_back(parcel.context, letter, letter.content.attempts)

    def _fit(self, parcel: Parcel) -> list[Letter]:
        """Make the requests; end the letters that may not or cannot be sent."""
        run, forge, now_ms = parcel.context.run, parcel.context.forge, self._hands.redis_now_us() // 1000
        make = forge.request if self._settings.graph_batch_size == 1 else forge.member
        fit = []
        for letter in parcel.letters:
            refusal = None
            if self._settings.enforce_messaging_window:
                refusal = outside_window(run.messaging_type, letter.content.last_interaction_ms, now_ms)
            try:
                if refusal is None:
                    letter.request = make(letter.job, letter.content, letter.attempt)
                    fit.append(letter)
            except NotSendable as exc:
                refusal = exc
            if refusal is not None:
                self._end(parcel.context, letter, refusal.outcome, refusal.error_class, reason=refusal.reason)
        return fit

    async def _send(self, context: RunContext, letters: list[Letter]) -> None:
        connection = self._pool.lend_idle(self._origin) or await self._connect()
        if connection is None:
            return
        try:
            letters = await self._marked(letters)
            if letters and self._hands.certain and letters[0].session == self._queue.session:
                await self._exchange(context, letters, connection)
        finally:
            for letter in letters:
                if not letter.ended and connection.sent_anything:
                    self._lost(context, letter, "cut short before the answer came")
                elif not letter.ended:
                    self._give_back(context, letter, letter.attempt)
            connection.release()

    async def _connect(self) -> Connection | None:
        """Take a connection; None: the Graph API cannot be reached, and nothing has left."""
        failure = NotSent("connect", f"no connection within {self._settings.connect_timeout_ms} ms")
        with trio.move_on_after(self._settings.connect_timeout_ms / 1000):
            try:
                connection = await self._pool.acquire(self._origin)
            except NotSent as exc:
                failure = exc
            else:
                return connection
        self._graph_failed(failure)
        return None

    def _graph_failed(self, failure: GraphTransportError) -> None:
        now = trio.current_time()
        if now >= self.graph_retry_at:  # what a hundred tasks meet at once is one failure
            self.graph_retry_at = now + self.graph.failed(failure, now)

    async def _marked(self, letters: list[Letter]) -> list[Letter]:
        """Mark the letters; drop those that are somebody else's by now."""
        session = letters[0].session
        times = await self.marks.submit((session, [(letter.job, letter.attempt) for letter in letters]))
        ours = []
        for letter, sent_at_us in zip(letters, times, strict=True):
            if sent_at_us is None:
                letter.ended = True
                self._figures.stale_settlements += 1
                if session == self._queue.session:
                    self._hands.drop(letter.job)
            else:
                letter.sent_at_us = sent_at_us
                ours.append(letter)
        return ours

    async def _exchange(self, context: RunContext, letters: list[Letter], connection: Connection) -> None:
        batch = self._settings.graph_batch_size > 1
        request = context.forge.batch_request([x.request for x in letters]) if batch else letters[0].request
        media = context.run.content == "media"
        timeout_ms = self._settings.send_timeout_media_ms if media else self._settings.send_timeout_ms
        started_at = trio.current_time()
        self._figures.to_first_byte.add((started_at - letters[0].claimed_at) * 1000)
        response, failure = None, f"no answer within {timeout_ms} ms"
        with trio.CancelScope(deadline=started_at + timeout_ms / 1000):  # costs half of what `move_on_after` does
            try:
                response = await connection.send(request)
            except (NotSent, AnswerLost) as exc:
                failure = str(exc)
                if connection.fresh:  # whoever takes connections, only to close them, cannot be reached either
                    self._graph_failed(exc)
        latency_ms = (trio.current_time() - started_at) * 1000
        if response is not None:
            self.graph.recovered(trio.current_time())
            self._figures.latencies.add(latency_ms)
            await self._answered(context, letters, response, latency_ms)
        elif connection.sent_anything:
            for letter in letters:
                self._lost(context, letter, failure, latency_ms=latency_ms)

    async def _answered(
        self, context: RunContext, letters: list[Letter], response: Response, latency_ms: float
    ) -> None:
        answers, outer = self._judge(response, len(letters))
        decisions = [self._decide(context, letter, answer) for letter, answer in zip(letters, answers, strict=True)]
        try:
            await self._follow(context, answers[:1] if outer else answers, decisions)
        finally:
            for letter, answer, decision in zip(letters, answers, decisions, strict=True):
                self._end(
                    context,
                    letter,
                    decision.outcome,
                    decision.error_class,
                    answer=answer,
                    counted=decision.counted,
                    delay_ms=decision.delay_ms,
                    latency_ms=latency_ms,
                )

    def _judge(self, response: Response, size: int) -> tuple[list[Answer], bool]:
        """Return an answer for each letter, and whether all are one refusal of the whole batch."""
        if self._settings.graph_batch_size == 1:
            return [classify(response.status, response.header, response.body)], False
        answers = split_batch(response.status, response.header, response.body, size)
        return ([answers] * size, True) if isinstance(answers, Answer) else (answers, False)

    async def _follow(self, context: RunContext, answers: list[Answer], decisions: list[Decision]) -> None:
        """Tell the queue about the page, before its jobs return. In order: what works breaks a row of failures."""
        pausing = any(decision.pause is not None for decision in decisions)
        for answer, decision in zip(answers, decisions, strict=False):
            if decision.pause is not None or decision.breaker is not None:
                await self._pages.follow(context.run.page_id, context.token_version, decision)
            elif answer.error_class in _WORKING and not pausing:
                await self._pages.works(context.run.page_id)

    def _decide(self, context: RunContext, letter: Letter, answer: Answer) -> Decision:
        return decide(
            answer,
            letter.content,
            on_unknown=context.run.on_unknown,
            random=self._random.random,
            page_level=self._pages.level(context.run.page_id),
            app_level=self._pages.level("app"),
        )

    def _lost(self, context: RunContext, letter: Letter, reason: str, *, latency_ms: float | None = None) -> None:
        decision = decide_lost(letter.content, on_unknown=context.run.on_unknown, random=self._random.random)
        self._end(
            context,
            letter,
            decision.outcome,
            decision.error_class,
            reason=reason,
            counted=decision.counted,
            delay_ms=decision.delay_ms,
            latency_ms=latency_ms,
        )

    def _end(
        self,
        context: RunContext,
        letter: Letter,
        outcome: Outcome,
        error_class: ErrorClass | None,
        *,
        answer: Answer | None = None,
        reason: str | None = None,
        counted: bool = False,
        delay_ms: int = 0,
        latency_ms: float | None = None,
    ) -> None:
        letter.ended = True
        self._settling.end(
            Ended(
                session=letter.session,
                run_id=context.run.run_id,
                page_id=context.run.page_id,
                job=letter.job,
                content=letter.content,
                attempt=letter.attempt if letter.sent_at_us else 0,
                sent_at_us=letter.sent_at_us,
                outcome=outcome,
                error_class=error_class,
                counted=counted,
                delay_ms=delay_ms,
                answer=answer,
                reason=reason,
                latency_ms=latency_ms,
            )
        )

    def _give_back(self, context: RunContext, letter: Letter, attempt: int) -> None:
        letter.ended = True
        run = context.run
        self._settling.give_back(letter.session, run.run_id, run.page_id, letter.job, letter.content, attempt=attempt)

    async def _mark(self, parcels: list[tuple[str, list[tuple[bytes, int]]]]) -> list[list[int | None]]:
        """Mark many parcels' jobs in one call, or in several when a session was lost meanwhile."""
        answers: list[list[int | None]] = []
        for session, group in groupby(parcels, key=itemgetter(0)):
            parts = [part for _, part in group]
            jobs = [pair for part in parts for pair in part]
            times = iter(await self._persist(partial(self._queue.mark, jobs, session=session)))
            answers += [[next(times) for _ in part] for part in parts]
        return answers
