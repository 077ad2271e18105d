"""A small model of the queue: where every job is, and what each script must answer. No Redis here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.judge_model import Judge, Said, Scope

HOLDERS = ("source", "operator", "window", "registry", "brake")
ZONES = ("", "Asia/Bangkok")
"""The page's, and one that some recipients have."""
TICK_US = 1000
"""Between two calls, on the model's own clock: nothing that takes seconds ends by itself."""


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
    doubted: bool = False
    """Whether it may wait for a second clock's opinion of that."""
    counts: Counter[str] = field(default_factory=Counter)
    holds: set[str] = field(default_factory=set)
    hours: bool = False
    closed: set[str] = field(default_factory=set)
    """Zones in which it is not the hour."""

    @property
    def claimable(self) -> bool:
        return self.state in {"enqueuing", "active"} and not self.holds


@dataclass
class Job:
    run: str
    record: bytes
    place: Literal["waiting", "aside", "delayed", "held", "final"] = "waiting"
    due: bool = False
    zone: str = ""
    aside: bool = False

    def comes_back(self) -> None:
        self.place = "aside" if self.aside else "waiting"


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
    said: Said | None = None
    """What the answer was; None: there was no question."""


class Model:
    """What the queue should hold. Methods check a script's answer and follow it; they raise AssertionError."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.judge = Judge()
        self.now_us = 10**6
        self.jobs: dict[bytes, Job] = {}
        self.sessions: dict[str, Session] = {}
        self.marked_at_us: dict[bytes, int] = {}
        self.gaps: set[str] = set()
        """Pages on which a run may have to wait for another one's second."""
        self.events: list[bytes] = []

    def page(self, page: str) -> Scope:
        return self.judge.page(page)

    def at(self, place: str, run: str | None = None, zone: str | None = None) -> set[bytes]:
        return {
            i
            for i, job in self.jobs.items()
            if job.place == place and run in (None, job.run) and zone in (None, job.zone)
        }

    def tick(self) -> None:
        """Time has passed, but not much."""
        self.now_us += TICK_US

    # runs

    def describe_anew(self, run_id: str, page: str, lane: str, priority: int) -> None:
        run = self.runs[run_id]
        if run.state == "enqueuing" and not run.cursor and not run.enqueued:
            run.page, run.lane, run.priority, run.overdue = page, lane, priority, False
            self.page(page)

    def enqueue(self, run_id: str, cursor: str, next_cursor: str, last: bool, jobs: dict[bytes, Job]) -> int:
        run = self.runs.get(run_id)
        if run is None or run.cursor != cursor or run.enqueued or run.state not in {"enqueuing", "expired"}:
            return 0
        assert not jobs.keys() & self.jobs.keys(), "the test itself enqueued a job twice"
        self.jobs |= jobs
        run.recipients += len(jobs)
        run.left += len(jobs)
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

    def hold(self, run_id: str, holder: str, held: bool, *, by_person: bool) -> int:
        run = self.runs.get(run_id)
        if run is None or run.state not in {"enqueuing", "active"}:
            return 0
        run.holds = run.holds | {holder} if held else run.holds - {holder}
        if by_person and not held:
            run.holds = run.holds - {"brake"}
            self.judge.run(run_id).forget()
        self.judge.run(run_id).braked = "brake" in run.holds
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
            status = "paused" if self.judge.app.blocked(self.now_us) else "ok"
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
        app, now = self.judge.app, self.now_us
        for group in groups:
            run_id, page_id, state, version, closes_ms = (part.decode() for part in group[:5])
            run, page = self.runs[run_id], self.page(page_id)
            assert run.claimable, f"a job of a run was claimed that is {run.state} and held by {run.holds}"
            assert not run.overdue, "a job of an expired run was claimed"
            assert (run.page, run.state, page.token_version) == (page_id, state, version)
            assert not page.blocked(now), "a job of a page was claimed that must wait"
            if page.probing:
                assert len(group) == 6, "more than one job probed a page"
                page.probe_goes(now)
            ids = self._take(session, run_id, group[5:], "waiting")
            assert not {self.jobs[i].zone for i in ids} & run.closed, "a job was claimed outside its hours"
            assert (float(closes_ms) == 0) == (not run.hours), "the end of the hours"
            taken += ids
        assert len(taken) <= (1 if app.probe else want), "more was claimed than wanted"
        if taken:
            session.claimed["send"] = (claim_id, taken)
            wanted_all = not app.probe
            app.probe_goes(now)
            if not wanted_all:
                return
        if len(taken) < want:
            self._nothing_was_forgotten()

    def _nothing_was_forgotten(self) -> None:
        for run_id, run in self.runs.items():
            must_wait = run.overdue or run.doubted or run.page in self.gaps or self.page(run.page).blocked(self.now_us)
            if run.claimable and not must_wait:
                left = [zone for zone in ZONES if zone not in run.closed and self.at("waiting", run_id, zone)]
                assert left == [], f"jobs of {run_id} could have been claimed"

    def drained(
        self, session_id: str, claim_id: str, want: int, bound: int, answer: list[object], *, doubted: bool
    ) -> None:
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
            if run.overdue and run.state in {"enqueuing", "active"} and not doubted:
                self.expire(run_id)
        taken: list[bytes] = []
        for group in groups:
            run_id, _page, state, _version, _closes = (part.decode() for part in group[:5])
            assert state == self.runs[run_id].state
            ended = state in {"cancelled", "expired"}
            place = "waiting" if ended and self.jobs[group[5][:16]].place == "waiting" else "aside"
            taken += self._take(session, run_id, group[5:], place)
        assert len(taken) <= want
        if taken:
            session.claimed["drain"] = (claim_id, taken)
        if len(taken) < want:
            ended_runs = [r for r, run in self.runs.items() if run.state in {"cancelled", "expired"}]
            assert not any(self.at("waiting", r) for r in ended_runs), "jobs could have been drained"
            assert not self.at("aside"), "jobs that stand aside could have been drained"

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
        assert sorted(r for g in groups for r in g[5:]) == sorted(still), "a repeated claim gave other jobs"

    def _move_due(self) -> None:
        for job in self.jobs.values():
            if job.place == "delayed" and job.due:
                job.comes_back()

    def _take(self, session: Session, run_id: str, records: list[bytes], place: str) -> list[bytes]:
        ids = [record[:16] for record in records]
        for i, record in zip(ids, records, strict=True):
            job = self.jobs[i]
            assert (job.run, job.record, job.place) == (run_id, record, place), f"a job was taken from {job.place}"
            job.place = "held"
            session.held.add(i)
        return ids

    # a session's jobs

    def marked(self, session_id: str, jobs: list[tuple[bytes, bytes]], times: list[bytes]) -> None:
        session = self.sessions[session_id]
        for (job, attempt), time in zip(jobs, times, strict=True):
            assert bool(time) == (job in session.held), "a mark for a job that is not ours, or none for ours"
            if time:
                before = session.marks.get(job)
                if before is None or before[0] != attempt:
                    self.marked_at_us[job] = self.now_us
                    session.marks[job] = (attempt, time)
                else:
                    assert before[1] == time, "a repeated mark moved its time"

    def settle(self, session_id: str, number: int, settlements: list[Settling]) -> list[int]:
        session = self.sessions[session_id]
        if session.alive and session.settled and number == session.settled[0]:
            return session.settled[1]
        if not session.alive or (session.settled and number < session.settled[0]):
            return [0] * len(settlements)
        unasked: list[str] = []
        answer = [self._settle(session, one, unasked) for one in settlements]
        self.judge.close()
        for run_id, run in self.runs.items():
            if self.judge.run(run_id).braked and run.state in {"enqueuing", "active"}:
                run.holds = run.holds | {"brake"}
        for one, ours in zip(settlements, answer, strict=True):
            if ours and not one.record:
                run = self.runs[self.jobs[one.job].run]
                run.left -= 1
                self._finish_if_done(run)
        for page in unasked:
            self._probe_again(page)
        session.settled = (number, answer)
        return answer

    def _settle(self, session: Session, one: Settling, unasked: list[str]) -> int:
        if one.job not in session.held:
            return 0
        session.held.discard(one.job)
        marked = session.marks.pop(one.job, None)
        job = self.jobs[one.job]
        run = self.runs[job.run]
        if one.outcome == "" or (marked is None and one.outcome not in {"cancelled", "expired"}):
            unasked.append(run.page)
        if one.said is not None:
            scope = self.judge.run(job.run)
            scope.braked, scope.can_brake = "brake" in run.holds or scope.braked, run.state in {"enqueuing", "active"}
            self.judge.hear(job.run, run.page, one.said, self.now_us)
        if one.event:
            session.outbox.append(one.event)
            self.events.append(one.event)
        if one.outcome:
            run.counts[one.outcome] += 1
        if not one.record:
            job.place = "final"
            return 1
        if one.record != job.record:
            job.record, job.zone, job.aside = one.record, "", False
        if one.delay_ms:
            job.place, job.due = "delayed", False
        else:
            job.comes_back()
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
                job.comes_back()
                if not job.aside:
                    self._probe_again(self.runs[job.run].page)
        return marked

    def _probe_again(self, page: str) -> None:
        self.page(page).probe_later(self.now_us, 0)
        self.judge.app.probe_later(self.now_us, 0)

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
