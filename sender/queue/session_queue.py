"""The queue as a sender sees it: a session that claims, marks, settles and keeps its lease."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts

_encode = msgspec.msgpack.Encoder().encode


class SessionGone(Exception):
    """Another sender took this session over: nothing it still holds may be sent or settled."""


class ReplicasMissing(Exception):
    """Redis has marked the jobs, and too few of its replicas know: if one of them takes over, they would go twice."""


class ClaimedGroup(msgspec.Struct, frozen=True):
    """Jobs of one run."""

    run_id: str
    page_id: str
    state: str
    token_version: int
    closes_ms: int
    """When (ms since 1970) the hours close in which they may be sent; 0: never."""
    records: list[bytes]
    session: str
    """Under which they were claimed."""


class Claim(msgspec.Struct, frozen=True):
    """The answer to a claim."""

    status: str
    """`ok`, `full` (the outbox is at its bound) or `paused` (the whole app must wait)."""
    now_us: int
    """Redis's clock."""
    wait_ms: float | None
    """Nothing new before this time has passed; None: not known, ask again by the poll interval."""
    groups: list[ClaimedGroup]


class Settlement(msgspec.Struct, frozen=True):
    """How one job leaves this sender."""

    job: bytes
    run_id: str
    page_id: str
    outcome: str
    """"" when it goes back unharmed, without an event."""
    event: bytes = b""
    record: bytes = b""
    """The job's next record when it goes back into the queue; empty when the outcome is final."""
    delay_ms: int = 0
    letter: str = ""
    """What the answer was, in capitals for a first attempt; "" when there was no question (lib/answers.lua)."""
    sent_us: int = 0
    """When it was marked, Redis's clock."""
    verdict: bytes = b""
    """The rest of what the answer means, for work/settle.lua; empty when there is nothing to say."""
    error_class: str = ""
    """For our own figures, as the next."""
    latency_ms: float | None = None


class Happening(msgspec.Struct, frozen=True):
    """What a settlement's answers have changed for a run, a page or the app."""

    what: str
    """An action of sender/rules, or `breaker_closed`, `resumed`."""
    scope: str
    name: str
    """The run's or the page's id."""
    rule: str = ""
    reason: str = ""
    ms: int | None = None
    """For how long, where that is known."""


class LostJob(msgspec.Struct, frozen=True):
    """A marked job whose sender is gone: it may have left."""

    run_id: str
    record: bytes
    attempt: int
    sent_at_us: int
    session: str
    """Which holds it now."""


class Limits(msgspec.Struct, frozen=True):
    """What a claim checks, messages per second across all processes; `app` 0: none."""

    text: int
    media: int
    app: int
    batch: int = 1
    outbox: int = 100_000
    """Events of all sessions that may wait for the broker before claiming stops."""


class SessionQueue:
    """One session at a time: what was claimed under one is void under the next.

    Methods are Trio coroutines that may be repeated. Errors: redis.RedisError, SessionGone.

    Args:
        redis: the server.
        limits: what a claim checks.
        lease_ms: how long a session lives without a renewal.
        wall_clock_ms: the second clock that expiry and opening hours ask, in ms since 1970.
    """

    def __init__(
        self,
        redis: Redis,
        limits: Limits,
        *,
        lease_ms: int,
        wall_clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._scripts = Scripts(redis)
        self._limits = limits
        self._lease_ms = lease_ms
        self._wall_clock_ms = wall_clock_ms
        self.session = secrets.token_hex(16)
        self.went_back = False
        """Redis has forgotten what it had answered: a replica has taken over that had not heard of it."""
        self._settled = 0
        """The last group of this session whose settlement was answered."""

    async def open(self) -> int:
        """Begin a new session under a new token; return Redis's time in us."""
        self.session, self._settled = secrets.token_hex(16), 0
        return int(await aio(self._scripts.call, "sessions/open", self.session, self._lease_ms))

    async def renew(self, holding: int) -> tuple[int, list[bytes]]:
        """Extend the lease. Return Redis's time in us and, when we do not hold `holding` jobs, the ids of those we do.

        Raises:
            SessionGone: when the session was taken over.
        """
        known = self._settled
        answer = await aio(self._scripts.call, "sessions/renew", self.session, self._lease_ms, holding)
        if not answer:
            raise SessionGone
        if int(answer[1] or 0) < known == self._settled:
            self.went_back, self._settled = True, int(answer[1] or 0)
        return int(answer[0]), answer[2:]

    async def replicas_answer(self) -> bool:
        """Write something and say whether enough replicas have it."""
        _, replicated = await aio(self._scripts.replicated, "sessions/renew", self.session, self._lease_ms, 0)
        return bool(replicated)

    async def close(self) -> bool:
        """End the session. False: it still holds jobs; its lease will run out."""
        return bool(await aio(self._scripts.call, "sessions/close", self.session))

    async def claim(self, claim_id: str, want: int) -> Claim:
        """Take up to `want` jobs that may be sent now. A repeat with the same id gives the same jobs.

        Raises:
            SessionGone: when the session was taken over.
        """
        m, session = self._limits, self.session
        limits = (m.outbox, m.batch, m.text, m.media, m.app)
        answer = await aio(self._scripts.call, "work/claim", session, claim_id, want, *limits, self._wall_clock_ms())
        if answer[0] == b"gone":
            raise SessionGone
        wait_us = int(answer[2])
        return Claim(
            answer[0].decode(),
            int(answer[1]),
            None if wait_us < 0 else wait_us / 1000,
            [_group(g, session) for g in answer[3:]],
        )

    async def drain(self, claim_id: str, want: int) -> list[ClaimedGroup]:
        """Take up to `want` jobs of cancelled or expired runs, to be settled without being sent.

        Raises:
            SessionGone: when the session was taken over.
        """
        session = self.session
        answer = await aio(
            self._scripts.call, "work/drain", session, claim_id, want, self._limits.outbox, self._wall_clock_ms()
        )
        if answer[0] == b"gone":
            raise SessionGone
        return [_group(g, session) for g in answer[1:]]

    async def mark(self, jobs: Sequence[tuple[bytes, int]], *, session: str | None = None) -> list[int | None]:
        """Write that these (job id, attempt) may now leave. Return each mark's time in us, None for a job not ours.

        `session`: under which they were claimed, by default the current one. A former one owns nothing.

        Raises:
            ReplicasMissing: none of them may leave.
        """
        parts = [part for job, attempt in jobs for part in (job, b"%d" % attempt)]
        times, replicated = await aio(self._scripts.replicated, "work/mark", session or self.session, *_packed(parts))
        if not replicated:
            raise ReplicasMissing
        return [int(t) if t else None for t in times]

    async def settle(
        self, number: int, settlements: Sequence[Settlement], *, session: str | None = None
    ) -> tuple[list[bool], list[Happening]]:
        """Record outcomes, free the jobs and put the events into the outbox. False for a job not ours (any more).

        Besides, return what the answers have changed for runs, pages and the app.

        `number` grows from group to group; a repeat under the same number gives the answer of the first.
        `session`: as for `mark`.
        """
        session = session or self.session
        parts: list[bytes] = []
        for s in settlements:
            parts += (s.job, s.run_id.encode(), s.page_id.encode(), s.outcome.encode(), s.event, s.record)
            parts += (b"%d" % s.delay_ms, s.letter.encode(), b"%d" % s.sent_us, s.verdict)
        known = self._settled
        settled, happened, before = await aio(self._scripts.call, "work/settle", session, number, *_packed(parts))
        if session == self.session and any(settled):
            self.went_back |= int(before or 0) < known
            self._settled = number
        return [bool(n) for n in settled], [_happening(raw) for raw in happened]

    async def log_again(self, settlements: Sequence[Settlement]) -> int:
        """Put events into our outbox that may have been lost with it, where they say what else nobody knows.

        Returns how many.
        """
        parts: list[bytes] = []
        for s in settlements:
            parts += (s.run_id.encode(), s.page_id.encode(), s.event, s.outcome.encode(), b"%d" % s.sent_us)
        return int(await aio(self._scripts.call, "outbox/log_again", self.session, *_packed(parts)))

    async def take_over(self) -> tuple[str, list[LostJob]] | None:
        """Take a session whose lease ran out. Its unmarked jobs are back in the queue, the marked ones are ours."""
        session = self.session
        answer = await aio(self._scripts.call, "sessions/take_over", session, self._lease_ms)
        return (answer[0].decode(), [_lost(j, session) for j in answer[1:]]) if answer else None

    async def disown(self, ids: Sequence[bytes]) -> list[LostJob]:
        """Give back held jobs that this process has never heard of; return those that were marked, still ours."""
        session = self.session
        return [_lost(j, session) for j in await aio(self._scripts.call, "sessions/disown", session, *ids)]

    async def run_spec(self, run_id: str) -> bytes | None:
        """Return the run's spec (JSON of schema.run.Run)."""
        spec: bytes | None = await aio(self._scripts.command, "HGET", key(f"run:{run_id}"), "spec")
        return spec


def _packed(parts: list[bytes]) -> tuple[bytes, bytes]:
    """Two arguments instead of hundreds: redis-py spends more on each argument than Redis on the job."""
    return _encode([len(p) for p in parts]), b"".join(parts)


def _group(raw: list[bytes], session: str) -> ClaimedGroup:
    return ClaimedGroup(raw[0].decode(), raw[1].decode(), raw[2].decode(), int(raw[3]), int(raw[4]), raw[5:], session)


def _happening(raw: list[bytes | int]) -> Happening:
    """Read {what, scope, name}, and for a rule {its name, reason, ms or ''} behind them."""
    what, scope, name, *rest = [part.decode() if isinstance(part, bytes) else str(part) for part in raw]
    rule, reason, ms = rest or ("", "", "")
    return Happening(what, scope, name, rule, reason, int(ms) if ms else None)


def _lost(raw: list[bytes], session: str) -> LostJob:
    return LostJob(raw[0].decode(), raw[1], int(raw[2]), int(raw[3]), session)
