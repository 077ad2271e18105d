"""A small model of the queue: where every job is, and what each script must answer. No Redis here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

HOLDERS = ("source", "operator", "window", "registry", "brake")


@dataclass
class Run:
    page: str
    lane: str
    priority: int
    state: str = "enqueuing"
    enqueued: bool = False
    cursor: str = ""
    recipients: int = 0
    left: int = 0
    overdue: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    holds: set[str] = field(default_factory=set)

    @property
    def claimable(self) -> bool:
        return self.state in {"enqueuing", "active"} and not self.holds


@dataclass
class Page:
    paused: bool = False
    breaker: str = "closed"
    retry_due: bool = False
    opened_by_hand: bool = False
    failures: int = 0
    token_version: int = 0

    @property
    def blocked(self) -> bool:
        return self.paused or (self.breaker != "closed" and not self.retry_due)


@dataclass
class Job:
    run: str
    record: bytes
    place: Literal["waiting", "delayed", "held", "final"] = "waiting"
    due: bool = False


@dataclass
class Session:
    alive: bool = True
    overdue: bool = False
    held: set[bytes] = field(default_factory=set)
    marks: dict[bytes, tuple[bytes, bytes]] = field(default_factory=dict)
    claimed: dict[str, tuple[str, list[bytes]]] = field(default_factory=dict)
    """Kind -> id and jobs of the last claim that gave any."""
    outbox: list[bytes] = field(default_factory=list)
    settled: tuple[int, list[int]] | None = None


@dataclass(frozen=True)
class Settling:
    job: bytes
    outcome: str
    event: bytes
    record: bytes
    delay_ms: int


class Model:
    """What the queue should hold. Methods check a script's answer and follow it; they raise AssertionError."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.pages: dict[str, Page] = {}
        self.jobs: dict[bytes, Job] = {}
        self.sessions: dict[str, Session] = {}
        self.app_paused = False
        self.events: list[bytes] = []

    def page(self, page: str) -> Page:
        return self.pages.setdefault(page, Page())

    def at(self, place: str, run: str | None = None) -> set[bytes]:
        return {i for i, job in self.jobs.items() if job.place == place and run in (None, job.run)}

    # runs

    def describe_anew(self, run_id: str, page: str, lane: str, priority: int) -> None:
        run = self.runs[run_id]
        if run.state == "enqueuing" and not run.cursor and not run.enqueued:
            run.page, run.lane, run.priority, run.overdue = page, lane, priority, False
            self.page(page)

    def enqueue(self, run_id: str, cursor: str, next_cursor: str, last: bool, records: dict[bytes, bytes]) -> int:
        run = self.runs.get(run_id)
        if run is None or run.cursor != cursor or run.enqueued or run.state not in {"enqueuing", "expired"}:
            return 0
        for job, record in records.items():
            assert job not in self.jobs, "the test itself enqueued a job twice"
            self.jobs[job] = Job(run_id, record)
        run.recipients += len(records)
        run.left += len(records)
        run.cursor = next_cursor
        if last:
            run.enqueued = True
            run.state = "active" if run.state == "enqueuing" else run.state
        self._finish_if_done(run)
        return 1

    def cancel(self, run_id: str) -> int:
        run = self.runs.get(run_id)
        if run is None or run.state == "finished":
            return 0
        run.state, run.enqueued = "cancelled", True
        self._finish_if_done(run)
        return 1

    def expire(self, run_id: str) -> None:
        run = self.runs[run_id]
        run.state = "expired"
        self._finish_if_done(run)

    def hold(self, run_id: str, holder: str, held: bool) -> int:
        run = self.runs.get(run_id)
        if run is None or run.state not in {"enqueuing", "active"}:
            return 0
        run.holds = run.holds | {holder} if held else run.holds - {holder}
        return 1

    def _finish_if_done(self, run: Run) -> None:
        if run.enqueued and run.left == 0:
            run.state = "finished"

    # claims

    def claimed(self, session_id: str, claim_id: str, want: int, bound: int, answer: list[object]) -> None:
        session = self.sessions[session_id]
        status = self._status(session, bound)
        repeated = status == "ok" and claim_id == session.claimed.get("send", ("", []))[0]
        if status == "ok" and not repeated:
            self._move_due()
            status = "paused" if self.app_paused else "ok"
        assert answer[0] == status.encode(), f"claim said {answer[0]!r}, not {status}"
        groups: list[list[bytes]] = answer[3:]  # type: ignore[assignment]  # as the script says
        if repeated:
            self._check_repeat(session, "send", groups)
        elif status == "ok":
            self._follow_claim(session, claim_id, want, groups)
        else:
            assert groups == []

    def _follow_claim(self, session: Session, claim_id: str, want: int, groups: list[list[bytes]]) -> None:
        taken: list[bytes] = []
        probed: set[str] = set()
        for group in groups:
            run_id, page_id, state, version = (part.decode() for part in group[:4])
            run, page = self.runs[run_id], self.page(page_id)
            assert run.claimable, f"a job of a run was claimed that is {run.state} and held by {run.holds}"
            assert not run.overdue, "a job of an expired run was claimed"
            assert (run.page, run.state, str(page.token_version)) == (page_id, state, version)
            assert not page.blocked, "a job of a page was claimed that must wait"
            if page.breaker != "closed":
                assert len(group) == 5, "more than one job probed a page"
                page.breaker, page.retry_due = "half_open", False
                probed.add(page_id)
            taken += self._take(session, run_id, group[4:])
        assert len(taken) <= want, "more was claimed than wanted"
        if taken:
            session.claimed["send"] = (claim_id, taken)
        if len(taken) < want:
            for run_id, run in self.runs.items():
                forgotten = run.claimable and not run.overdue and not self.page(run.page).blocked
                assert not (forgotten and self.at("waiting", run_id)), f"jobs of {run_id} could have been claimed"

    def drained(self, session_id: str, claim_id: str, want: int, bound: int, answer: list[object]) -> None:
        session = self.sessions[session_id]
        status = self._status(session, bound)
        assert answer[0] == status.encode(), f"drain said {answer[0]!r}, not {status}"
        if status != "ok":
            assert len(answer) == 1
            return
        groups: list[list[bytes]] = answer[1:]  # type: ignore[assignment]  # as the script says
        if claim_id == session.claimed.get("drain", ("", []))[0]:
            self._check_repeat(session, "drain", groups)
            return
        for run_id, run in self.runs.items():
            if run.overdue and run.state in {"enqueuing", "active"}:
                self.expire(run_id)
        taken: list[bytes] = []
        for group in groups:
            run_id, _page, state, _version = (part.decode() for part in group[:4])
            assert state in {"cancelled", "expired"}
            assert state == self.runs[run_id].state
            taken += self._take(session, run_id, group[4:])
        assert len(taken) <= want
        if taken:
            session.claimed["drain"] = (claim_id, taken)
        if len(taken) < want:
            ended = [r for r, run in self.runs.items() if run.state in {"cancelled", "expired"}]
            assert not any(self.at("waiting", r) for r in ended), "jobs could have been drained"

    def _status(self, session: Session, bound: int) -> str:
        if not session.alive:
            return "gone"
        return "full" if self.waiting_events >= bound else "ok"

    @property
    def waiting_events(self) -> int:
        """How many events wait in all outboxes."""
        return sum(len(session.outbox) for session in self.sessions.values())

    def _check_repeat(self, session: Session, kind: str, groups: list[list[bytes]]) -> None:
        still = [self.jobs[j].record for j in session.claimed[kind][1] if j in session.held]
        assert sorted(r for g in groups for r in g[4:]) == sorted(still), "a repeated claim gave other jobs"

    def _move_due(self) -> None:
        for job in self.jobs.values():
            if job.place == "delayed" and job.due:
                job.place = "waiting"

    def _take(self, session: Session, run_id: str, records: list[bytes]) -> list[bytes]:
        ids = [record[:16] for record in records]
        for i, record in zip(ids, records, strict=True):
            job = self.jobs[i]
            assert (job.run, job.record, job.place) == (run_id, record, "waiting"), f"a job was taken from {job.place}"
            job.place = "held"
            session.held.add(i)
        return ids

    # a session's jobs

    def marked(self, session_id: str, jobs: list[tuple[bytes, bytes]], times: list[bytes]) -> None:
        session = self.sessions[session_id]
        for (job, attempt), time in zip(jobs, times, strict=True):
            assert bool(time) == (job in session.held), "a mark for a job that is not ours, or none for ours"
            if time:
                before = session.marks.setdefault(job, (attempt, time))
                assert before[1] == time, "a repeated mark moved its time"

    def settle(self, session_id: str, number: int, settlements: list[Settling]) -> list[int]:
        session = self.sessions[session_id]
        if session.alive and session.settled and number == session.settled[0]:
            return session.settled[1]
        if not session.alive or (session.settled and number < session.settled[0]):
            return [0] * len(settlements)
        answer = [self._settle(session, one) for one in settlements]
        session.settled = (number, answer)
        return answer

    def _settle(self, session: Session, one: Settling) -> int:
        if one.job not in session.held:
            return 0
        session.held.discard(one.job)
        marked = session.marks.pop(one.job, None)
        job = self.jobs[one.job]
        run = self.runs[job.run]
        unasked = one.outcome == "" or (marked is None and one.outcome not in {"cancelled", "expired"})
        if unasked:
            self._probe_again(job)
        if one.event:
            session.outbox.append(one.event)
            self.events.append(one.event)
        if one.outcome:
            run.counts[one.outcome] += 1
        if one.record:
            job.record = one.record
            job.place, job.due = ("delayed" if one.delay_ms else "waiting"), False
        else:
            job.place = "final"
            run.left -= 1
            self._finish_if_done(run)
        return 1

    def disown(self, session_id: str, ids: list[bytes], heir_id: str) -> set[tuple[bytes, ...]]:
        """Return what the script must return of these: the marked ones."""
        session, heir = self.sessions[session_id], self.sessions[heir_id]
        marked: set[tuple[bytes, ...]] = set()
        for i in [i for i in ids if i in session.held]:
            job = self.jobs[i]
            session.held.discard(i)
            if mark := session.marks.pop(i, None):
                heir.held.add(i)
                heir.marks[i] = mark
                marked.add((job.run.encode(), job.record, *mark))
            else:
                job.place = "waiting"
                self._probe_again(job)
        return marked

    def _probe_again(self, job: Job) -> None:
        page = self.page(self.runs[job.run].page)
        page.retry_due = page.retry_due or page.breaker == "half_open"

    def taken_over(self, heir_id: str, answer: list[object]) -> None:
        dead = {s for s, session in self.sessions.items() if session.alive and session.overdue and s != heir_id}
        if not self.sessions[heir_id].alive or not dead:
            assert answer == []
            return
        assert isinstance(answer[0], bytes)
        taken = answer[0].decode()
        assert taken in dead, "a session was taken over whose lease had not run out"
        marked = self.disown(taken, list(self.sessions[taken].held), heir_id)
        assert {tuple(job) for job in answer[1:]} == marked  # type: ignore[arg-type]  # lists of bytes
        self.gone(taken)

    def gone(self, session_id: str) -> None:
        session = self.sessions[session_id]
        assert not session.held
        session.alive, session.settled, session.claimed = False, None, {}
