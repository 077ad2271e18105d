"""The queue's scripts and their model, driven side by side by Hypothesis; after each step both must hold the same."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schema.job import Job, encode_record, job_id
from schema.keys import key
from sender.queue.session_queue import _packed
from tests.faults.queue_model import HOLDERS, Model, Page, Run, Session, Settling
from tests.faults.scripts import Scripts, pairs

T = TypeVar("T")

RUNS, PAGES, MOST_SESSIONS = [f"r{n}" for n in range(8)], ["1", "2"], 4
FAR_MS, NEVER_MS, LATER_MS = 4_000_000_000_000, 10**9, 10**8
FINAL = ("sent", "failed", "suppressed", "expired", "unknown", "cancelled")
OUTCOMES = (*FINAL, "retrying", "retrying later", "", "")
MOSTLY, RARELY = st.sampled_from([True, True, True, False]), st.sampled_from([False, False, False, True])
RUN_EVENTS = ("hold", "let go", "let go", "let go", "cancel", "becomes overdue")
LAST_ENTRY = "99999999999999-0"
STOPS = ("pause", "open", "trouble pause", "trouble failure", "trouble open", "app must wait", "gets a new token")
STARTS = ("resume", "close", "works", "gets a new token", "waits end")
SESSION_EVENTS = ("open another", "close", "outbox is relayed", "renew", "renew with a wrong count")
PACING = ("app", "ready", "waiting", "sessions", "lane:")
"""Keys that a repeat may change: whose turn it is, and times."""
EMPTY_MAP = b"\x80"
"""MessagePack: nobody had ended before."""


class QueueMachine(RuleBasedStateMachine):
    """Every script in any order, each now and then twice. Time is made to pass by editing what it is compared with."""

    def __init__(self, scripts: Scripts) -> None:
        super().__init__()
        self.scripts, self.redis, self.model = scripts, scripts.client, Model()
        self.redis.flushdb()
        self.number = 0
        self.last_claims: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.settlements: list[tuple[str, int, list[Settling]]] = []

    def fresh(self) -> int:
        self.number += 1
        return self.number

    def call(self, name: str, *args: Any, again: bool = False, same_answer: bool = False) -> Any:
        """Call a script; `again`: once more, as after a lost answer, which must change nothing."""
        answer = self.scripts.call(name, *args)
        if again:
            before = self.scripts.dump()
            repeated = self.scripts.call(name, *args)
            self.must_be_unchanged(before, name)
            assert not same_answer or repeated == answer, f"a repeat of {name} gave another answer"
        return answer

    def must_be_unchanged(self, before: dict[str, Any], name: str) -> None:
        after = self.scripts.dump()
        for k in before.keys() | after.keys():
            if not k.startswith(PACING):
                old, new = before.get(k), after.get(k)
                assert old == new or _same_in_any_order(old, new), f"a repeat of {name} changed {k}"

    def session(self, data: st.DataObject) -> str:
        """Draw a session, mostly one that is alive."""
        alive = sorted(s for s, session in self.model.sessions.items() if session.alive)
        any_ = data.draw(st.integers(0, 4), "any session") == 0
        return _one_of(data, sorted(self.model.sessions) if any_ or not alive else alive)

    def holder(self, data: st.DataObject) -> str:
        """Draw a session, mostly one that holds jobs."""
        holders = sorted(s for s, session in self.model.sessions.items() if session.held)
        session = self.session(data)
        any_ = data.draw(st.integers(0, 4), "any session") == 0
        number = data.draw(st.integers(0, 10_000), "holder")
        return session if any_ or not holders else holders[number % len(holders)]

    def some_jobs(self, data: st.DataObject, session: str) -> list[bytes]:
        """Draw jobs, mostly those that the session holds. What is drawn never depends on Redis's random choices."""
        numbers = data.draw(st.lists(st.integers(0, 10_000), unique=True, min_size=1, max_size=4), "jobs")
        own = data.draw(st.integers(0, 2), "own") > 0
        jobs = sorted(self.model.sessions[session].held if own else self.model.jobs)
        return sorted({jobs[n % len(jobs)] for n in numbers}) if jobs else []

    @initialize(media=st.booleans(), count=st.integers(1, 8), last=st.booleans())
    def begin_with_work(self, media: bool, count: int, last: bool) -> None:
        self.create_run("r0", "1", media=media, priority=0)
        self._open_session()
        self._open_session()
        self._enqueue("r0", "", count, last=last, again=False)

    # runs

    @rule(run=st.sampled_from(RUNS), page=st.sampled_from(PAGES), media=st.booleans(), priority=st.integers(0, 2))
    def create_run(self, run: str, page: str, media: bool, priority: int) -> None:
        known = run in self.model.runs
        lane = f"{page}/{'media' if media else 'text'}"
        assert self.call("runs/create", run, page, lane, "{}", priority, FAR_MS, again=True) == (not known)
        if not known:
            self.model.runs[run] = Run(page, lane, priority)
            self.model.page(page)
        else:
            self.model.describe_anew(run, page, lane, priority)

    @rule(data=st.data(), count=st.sampled_from([0, 0, 1, 2, 4, 6]), last=RARELY, right=MOSTLY, again=st.booleans())
    @precondition(lambda self: self.model.runs)
    def enqueue(self, data: st.DataObject, count: int, last: bool, right: bool, again: bool) -> None:
        run = _one_of(data, sorted(self.model.runs))
        self._enqueue(run, self.model.runs[run].cursor if right else "elsewhere", count, last=last, again=again)

    def _enqueue(self, run: str, cursor: str, count: int, *, last: bool, again: bool) -> None:
        people = [str(self.fresh()) for _ in range(count)]
        records = {job_id(run, p): encode_record(job_id(run, p), Job(p)) for p in people}
        move = (cursor, f"c{self.fresh()}", last, records)
        done = self.call(
            "runs/enqueue_chunk", run, cursor, move[1], int(last), EMPTY_MAP, *records.values(), again=again
        )
        assert done == self.model.enqueue(run, *move)

    @rule(data=st.data(), what=st.sampled_from(RUN_EVENTS), holder=st.sampled_from(HOLDERS), again=st.booleans())
    @precondition(lambda self: self.model.runs)
    def something_happens_to_a_run(self, data: st.DataObject, what: str, holder: str, again: bool) -> None:
        name = _one_of(data, [*sorted(self.model.runs), "unknown"])
        run = self.model.runs.get(name)
        if what == "cancel":
            assert self.call("runs/cancel", name, again=again) == self.model.cancel(name)
        elif what == "becomes overdue":
            self._becomes_overdue(name)
        else:
            if what == "let go" and run and run.holds:
                holder = min(run.holds)
            held = what == "hold"
            done = self.call("runs/hold", name, holder, int(held), again=again)
            assert done == self.model.hold(name, holder, held)
        self._somebody_claims()

    def _becomes_overdue(self, run: str) -> None:
        if run in self.model.runs and self.model.runs[run].state in {"enqueuing", "active"}:
            self.redis.hset(key(f"run:{run}"), "expires_at_ms", 1)
            self.redis.zadd(key("expiries"), {run: 1}, xx=True)
            self.model.runs[run].overdue = True

    # sessions

    @rule(data=st.data(), what=st.sampled_from(SESSION_EVENTS), again=st.booleans())
    def something_happens_to_a_session(self, data: st.DataObject, what: str, again: bool) -> None:
        session = self.session(data)
        if what == "open another":
            self._open_session()
        elif what == "close":
            closed = self.call("sessions/close", session, again=again)
            assert closed == (not self.model.sessions[session].held), "a session that holds jobs was closed"
            if closed:
                self.model.gone(session)
        elif what == "outbox is relayed":
            self._relay(session, again=again)
        else:
            self._renew(session, right=what == "renew")

    def _relay(self, session: str, *, again: bool) -> None:
        """Trim an outbox of its older half, or of all; then forget those that may go."""
        entries: Any = self.redis.xrange(key(f"outbox:{session}"))
        outbox, stays = self.model.sessions[session].outbox, len(entries) // 2 if again else 0
        first = entries[-stays][0] if stays else LAST_ENTRY
        self.call("outbox/trim", session, first, again=again)
        outbox[:] = outbox[len(outbox) - stays :]
        for name, known in self.model.sessions.items():
            waits = not known.alive and bool(known.outbox)
            assert self.call("outbox/forget", name, again=again) == waits, "whose outbox is to be relayed by others"

    def _open_session(self) -> None:
        if sum(session.alive for session in self.model.sessions.values()) < MOST_SESSIONS:
            session = f"s{self.fresh()}"
            self.call("sessions/open", session, NEVER_MS, again=True)
            self.model.sessions[session] = Session()

    def _renew(self, session: str, *, right: bool) -> None:
        known = self.model.sessions[session]
        answer = self.call("sessions/renew", session, NEVER_MS, len(known.held) + (not right), again=True)
        assert bool(answer) == known.alive, "a session that is gone was renewed, or a living one was not"
        if known.alive:
            known.overdue = False
            assert sorted(answer[1:]) == (sorted(known.held) if not right else [])

    @rule(data=st.data(), dies=st.booleans())
    def take_over(self, data: st.DataObject, dies: bool) -> None:
        if dies:
            self._lease_runs_out(self.holder(data))
        heir = self.session(data)
        self.model.taken_over(heir, self.call("sessions/take_over", heir))

    def _lease_runs_out(self, session: str) -> None:
        self.redis.zadd(key("sessions"), {session: 1}, xx=True)
        self.redis.hdel(key("app"), "no_takeover_until_us")
        self.model.sessions[session].overdue = True

    @rule(data=st.data(), again=st.booleans())
    def disown(self, data: st.DataObject, again: bool) -> None:
        session = self.holder(data)
        ids = self.some_jobs(data, session)
        answer = self.call("sessions/disown", session, *ids, again=again, same_answer=True)
        assert {tuple(job) for job in answer} == self.model.disown(session, ids, session)
        self.model.sessions[session].held |= {job[1][:16] for job in answer}
        self.model.sessions[session].claimed = {}

    # jobs

    @rule(data=st.data(), want=st.integers(1, 4), bound=st.sampled_from([3, 1000, 1000]), then_mark=st.booleans())
    def claim(self, data: st.DataObject, want: int, bound: int, then_mark: bool) -> None:
        session = self.session(data)
        args = (session, f"c{self.fresh()}", want, bound)
        self._claim(args, again=True)
        self.last_claims[session, "send"] = args
        if then_mark:
            self._mark(session, sorted(self.model.sessions[session].held)[:3], again=False)

    @rule(data=st.data())
    @precondition(lambda self: self.last_claims)
    def claim_once_more(self, data: st.DataObject) -> None:
        which = _one_of(data, sorted(self.last_claims))
        repeat = self._claim if which[1] == "send" else self._drain
        repeat(self.last_claims[which])

    def _somebody_claims(self) -> None:
        """What always happens soon: the first session that is alive asks for work."""
        alive = sorted(s for s, session in self.model.sessions.items() if session.alive)
        if alive:
            self._claim((alive[0], f"c{self.fresh()}", 2, 1000))

    def _claim(self, args: tuple[Any, ...], *, again: bool = False) -> None:
        answer = self.call("work/claim", *args, 1, 10**6, 10**6, 0, again=again)
        for name, run in self.model.runs.items():
            if run.overdue and run.claimable and self.redis.hget(key(f"run:{name}"), "state") == b"expired":
                self.model.expire(name)  # at the latest when its turn comes
        session, claim_id, want, bound = args
        self.model.claimed(session, claim_id, want, bound, answer)

    @rule(data=st.data(), want=st.integers(1, 4), bound=st.sampled_from([3, 1000, 1000]), again=st.booleans())
    def drain(self, data: st.DataObject, want: int, bound: int, again: bool) -> None:
        session = self.session(data)
        args = (session, f"d{self.fresh()}", want, bound)
        self._drain(args, again=again)
        self.last_claims[session, "drain"] = args

    def _drain(self, args: tuple[Any, ...], *, again: bool = False) -> None:
        session, claim_id, want, bound = args
        self.model.drained(session, claim_id, want, bound, self.call("work/drain", *args, again=again))

    @rule(data=st.data(), again=st.booleans())
    def mark(self, data: st.DataObject, again: bool) -> None:
        session = self.holder(data)
        self._mark(session, self.some_jobs(data, session), again=again)

    def _mark(self, session: str, ids: list[bytes], *, again: bool) -> None:
        jobs = [(job, b"%d" % self.fresh()) for job in ids]
        packed = _packed([part for pair in jobs for part in pair])
        self.model.marked(session, jobs, self.call("work/mark", session, *packed, again=again, same_answer=True))

    @rule(data=st.data(), again=st.booleans())
    def settle(self, data: st.DataObject, again: bool) -> None:
        session = self.holder(data)
        kinds = data.draw(st.lists(st.sampled_from(OUTCOMES), min_size=4, max_size=4), "outcomes")
        jobs = self.some_jobs(data, session)
        group = [self._settling(job, what) for job, what in zip(jobs, kinds, strict=False)]
        self.settlements.append((session, self.fresh(), group))
        self._settle(*self.settlements[-1], again=again)

    @rule(data=st.data())
    @precondition(lambda self: self.settlements)
    def settle_once_more(self, data: st.DataObject) -> None:
        before = self.scripts.dump()
        self._settle(*_one_of(data, self.settlements[-8:]))
        self.must_be_unchanged(before, "settle, later,")

    def _settle(self, session: str, number: int, group: list[Settling], *, again: bool = False) -> None:
        parts: list[bytes] = []
        for one in group:
            run = self.model.jobs[one.job].run
            page = self.model.runs[run].page
            parts += (one.job, run.encode(), page.encode(), one.outcome.encode(), one.event, one.record)
            parts.append(b"%d" % one.delay_ms)
        answer = self.call("work/settle", session, number, *_packed(parts), again=again, same_answer=True)
        assert answer == self.model.settle(session, number, group), "settled what is not ours, or not what is"

    def _settling(self, job: bytes, what: str) -> Settling:
        record = self.model.jobs[job].record
        if what == "":
            return Settling(job, "", b"", record, 0)
        event = b"event %d" % self.fresh()
        if what in FINAL:
            return Settling(job, what, event, b"", 0)
        return Settling(job, "retrying", event, job + b"again%d" % self.fresh(), LATER_MS if "later" in what else 0)

    @rule()
    def delays_end(self) -> None:
        members: Any = self.redis.zrange(key("delayed"), 0, -1)
        for member in members:
            self.redis.zadd(key("delayed"), {member: 0})
        for job in self.model.jobs.values():
            job.due = True
        self._somebody_claims()

    enqueue_often = enqueue
    claim_often = claim
    drain_often = drain
    mark_often = mark_more_often = mark
    settle_often = settle_more_often = settle

    # pages

    @rule(data=st.data(), usual=MOSTLY, old_token=RARELY, again=st.booleans())
    def something_happens_to_a_page(self, data: st.DataObject, usual: bool, old_token: bool, again: bool) -> None:
        name = _one_of(data, sorted(self.model.pages))
        page = self.model.pages[name]
        stopped = page.paused or page.breaker != "closed" or self.model.app_paused
        what = _one_of(data, [*(STARTS if stopped == usual else STOPS)])
        if what in {"pause", "resume", "open", "close"}:
            assert self.call("pages/steer", name, what, "ana", again=again)
            self._steer(page, what)
        elif what.startswith("trouble "):
            self._trouble(name, page, what.removeprefix("trouble "), old_token=old_token)
        elif what == "works":
            closed = self.call("pages/works", name, again=again)
            assert closed == ([name.encode()] if page.breaker == "half_open" else [])
            if page.breaker != "open":
                page.breaker, page.retry_due, page.failures = "closed", False, 0
        elif what == "gets a new token":
            self.call("pages/set", name, f"token{self.fresh()}", again=again)
            page.token_version += 1
            page.retry_due = page.retry_due or (page.breaker != "closed" and not page.opened_by_hand)
        elif what == "app must wait":
            self._pause_app(paused=True)
        else:
            self._pause_app(paused=False)
            self._waits_end(name, page)
        if what in STOPS:
            self._somebody_claims()

    page_events_often = something_happens_to_a_page

    def _steer(self, page: Page, what: str) -> None:
        if what in {"pause", "resume"}:
            page.paused = what == "pause"
        else:
            page.breaker, page.retry_due = ("open" if what == "open" else "closed"), False
            page.failures = page.failures if what == "open" else 0
            page.opened_by_hand = what == "open"

    def _trouble(self, name: str, page: Page, kind: str, *, old_token: bool) -> None:
        version, before, running = page.token_version - old_token, page.breaker, not page.paused
        state, changed = self.call("pages/trouble", name, kind, LATER_MS, "why", 2, version)
        if kind == "pause":
            page.paused = True
            assert (state.decode(), bool(changed)) == (before, running)
            return
        if not old_token:
            page.failures += 1
            if kind == "open" or page.failures >= 2 or before == "half_open":
                page.breaker, page.retry_due = "open", False
        assert (state.decode(), bool(changed)) == (page.breaker, page.breaker == "open" != before)

    def _waits_end(self, name: str, page: Page) -> None:
        for field in ("paused_until_ms", "retry_at_ms"):
            if self.redis.hexists(key(f"page:{name}"), field):
                self.redis.hset(key(f"page:{name}"), field, 1)
        for content in ("text", "media"):
            self.redis.zadd(key("waiting"), {f"{name}/{content}": 1}, xx=True)
        page.paused, page.retry_due, page.opened_by_hand = False, True, False

    def _pause_app(self, *, paused: bool) -> None:
        if paused:
            self.call("pages/trouble_app", LATER_MS, "why", 1)
        else:
            self.redis.hdel(key("app"), "paused_until_ms")
        self.model.app_paused = paused

    # what must always hold

    @invariant()
    def redis_holds_what_the_model_says(self) -> None:
        found, model = self.scripts.dump(), self.model
        everywhere = Counter[bytes]()
        for name, run in model.runs.items():
            waiting = [record[:16] for record in found.get(f"jobs:{name}", [])]
            everywhere.update(waiting)
            assert sorted(waiting) == sorted(model.at("waiting", name)), f"waiting jobs of {name}"
            facts = {k.decode(): v.decode() for k, v in pairs(found[f"run:{name}"]).items()}
            expected = (run.state, run.cursor, str(int(run.enqueued)), str(run.recipients), str(run.left))
            assert tuple(facts[f] for f in ("state", "cursor", "enqueued", "recipients", "left")) == expected
            assert {f: int(facts[f]) for f in (*FINAL, "retrying") if f in facts} == dict(run.counts)
            assert {f.removeprefix("hold:") for f in facts if f.startswith("hold:")} == run.holds
            final = sum(run.counts[f] for f in FINAL)
            assert run.recipients == run.left + final
            assert run.state != "finished" or final == run.recipients, "a finished run does not add up"
        delayed = found.get("delayed", [])[::2]
        everywhere.update(tagged.split(b"\0", 1)[1][:16] for tagged in delayed)
        for name, session in model.sessions.items():
            held = pairs(found.get(f"held:{name}", []))
            everywhere.update(held.keys())
            assert held == {i: f"{model.jobs[i].run}\0".encode() + model.jobs[i].record for i in session.held}
            marks = {i: b"\0".join(mark) for i, mark in session.marks.items()}
            assert pairs(found.get(f"marks:{name}", [])) == marks, f"marks of {name}"
            assert [f[3] for _, f in found.get(f"outbox:{name}", [])] == session.outbox, "the outbox of a session"
        assert int(pairs(found.get("app", [])).get(b"outbox", 0)) == model.waiting_events, "events that wait"
        assert everywhere == Counter(i for i, job in model.jobs.items() if job.place != "final"), "not in one place"
        assert {s.encode() for s, session in model.sessions.items() if session.alive} == set(
            found.get("sessions", [])[::2]
        )
        assert len(model.events) == sum(sum(run.counts.values()) for run in model.runs.values())
        self.nothing_is_stranded(found)

    def nothing_is_stranded(self, found: dict[str, Any]) -> None:
        """Who may be claimed has its turn; who ended will be drained, or is finished and waits for the registry."""
        states = {name: run.state for name, run in self.model.runs.items()}
        soon_us = self.redis.time()[0] * 1e6 + 10e6  # a probe is waited for longer
        for name, run in self.model.runs.items():
            in_lane = name.encode() in found.get(f"lane:{run.lane}", [])[::2]
            assert in_lane == (run.claimable and bool(self.model.at("waiting", name))), f"the turn of {name}"
            lanes = [*found.get("ready", [])[::2], *found.get("waiting", [])[::2]]
            assert not in_lane or lanes.count(run.lane.encode()) == 1, f"the lane of {name}"
            parked_until_us = float(pairs(found.get("waiting", [])).get(run.lane.encode(), 0))
            must_wait = self.model.pages[run.page].blocked
            assert must_wait or parked_until_us < soon_us, f"the lane of {name} sleeps on"
        draining = {name.encode() for name, state in states.items() if state in {"cancelled", "expired"}}
        assert set(found.get("draining", [])) == draining
        finished = {name.encode() for name, state in states.items() if state == "finished"}
        assert set(found.get("finished", [])[::2]) == finished


def _one_of(data: st.DataObject, choices: list[T]) -> T:
    return choices[data.draw(st.integers(0, 10_000)) % len(choices)]


def _same_in_any_order(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and sorted(map(repr, old)) == sorted(map(repr, new))
