"""The queue's scripts and their model, driven side by side by Hypothesis; after each step both must hold the same."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from schema.job import Aside, Job, encode_record, job_id
from schema.keys import key
from sender.queue.session_queue import _packed
from sender.rules.rule import Rule, pack
from tests.faults.judge_model import BY_HAND_MS, Said, Scope
from tests.faults.queue_comparison import FAR_MS, FINAL, compare, unit_of
from tests.faults.queue_model import HOLDERS, ZONES, Model, Run, Session, Settling
from tests.faults.queue_model import Job as Known
from tests.faults.scripts import Scripts

T = TypeVar("T")

RUNS, PAGES, MOST_SESSIONS = [f"r{n}" for n in range(8)], ["1", "2"], 4
NEVER_MS, LATER_MS = 10**9, 10**8
OUTCOMES = (*FINAL, "retrying", "retrying later", "", "")
MOSTLY, RARELY = st.sampled_from([True, True, True, False]), st.sampled_from([False, False, False, True])
RUN_EVENTS = ("hold", "let go", "let go", "let go", "cancel", "becomes overdue", "hours", "hours")
LAST_ENTRY = "99999999999999-0"
STOPS = ("pause", "open", "cannot be used", "gets a new token", "two runs take turns")
STARTS = ("resume", "close", "gets a new token", "waits end", "waits end")
SESSION_EVENTS = ("open another", "close", "outbox is relayed", "renew", "renew with a wrong count")
PACING = ("app", "ready", "waiting", "sessions", "lane:")
"""Keys that a repeat may change: whose turn it is, and times."""
EMPTY_MAP = b"\x80"
"""MessagePack: nobody had ended before."""
WHY = Aside("suppressed", "recipient_gone", "not reachable")
DAY_MS = 86_400_000
SHARED: Any = {"shared_from_us": 1, "shared_until_us": 9 * 10**15}
"""Of a page whose runs have taken turns for long: none has to wait for the others' second."""


def _rule(name: str, scope: Any, action: Any, **trigger: Any) -> Rule:
    return Rule(name=name, scope=scope, action=action, for_ms=LATER_MS, longest_ms=LATER_MS, **trigger)


THROTTLED = _rule("throttled", "page", "pause", count=2, of=4)
APP_THROTTLED = _rule("app-throttled", "app", "pause")
FAILS = _rule("fails", "page", "breaker", in_a_row=2)
DEAD = _rule("dead", "page", "breaker")
APP_FAILS = _rule("app-fails", "app", "breaker", in_a_row=2)
UNREADABLE = _rule("unreadable", "page", "pause", count=3, of=6, share=0.5)
LIMITED = _rule("limited", "page", "pause")
BAD = _rule("bad", "run", "brake", count=2, of=4)
REPORTED = _rule("reported", "run", "brake")
ANSWERS: dict[str, tuple[str, tuple[Rule, ...]]] = {
    "works": ("o", ()),
    "nothing": ("n", ()),
    "throttled": ("t", (THROTTLED,)),
    "at its limit": ("t", (LIMITED,)),
    "app throttled": ("l", (APP_THROTTLED,)),
    "fails": ("f", (FAILS,)),
    "dead": ("f", (DEAD, FAILS)),
    "app fails": ("a", (APP_FAILS,)),
    "unreadable": ("u", (UNREADABLE,)),
    "bad": ("p", (BAD,)),
    "bad otherwise": ("p", (BAD,)),
    "reported": ("n", (REPORTED,)),
}
"""Letter, and the rules that fit."""
MOODS = ("works", "works", "works", *ANSWERS)


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
        self.model.tick()
        answer = self.scripts.call(name, *args)
        if again:
            before = self.scripts.dump()
            repeated = self.scripts.call(name, *args)
            self.must_be_unchanged(before, name)
            if name == "work/settle":  # what happened is told once
                answer, repeated = answer[0], repeated[0]
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
        self._enqueue("r0", "", ["plain"] * count, last=last, again=False)

    # runs

    @rule(run=st.sampled_from(RUNS), page=st.sampled_from(PAGES), media=st.booleans(), priority=st.integers(0, 2))
    def create_run(self, run: str, page: str, media: bool, priority: int) -> None:
        known, known_pages = run in self.model.runs, {*self.model.judge.pages}
        lane = f"{page}/{'media' if media else 'text'}"
        assert self.call("runs/create", run, page, lane, "{}", priority, FAR_MS, again=True) == (not known)
        if not known:
            self.model.runs[run] = Run(page, lane, priority)
            self.model.page(page)
        else:
            self.model.describe_anew(run, page, lane, priority)
        for new in self.model.judge.pages.keys() - known_pages:
            self.redis.hset(key(f"page:{new}"), mapping=SHARED)

    @rule(
        data=st.data(),
        kinds=st.lists(st.sampled_from(["plain", "plain", "plain", "zone", "aside"]), max_size=6),
        last=RARELY,
        right=MOSTLY,
        again=st.booleans(),
    )
    @precondition(lambda self: self.model.runs)
    def enqueue(self, data: st.DataObject, kinds: list[str], last: bool, right: bool, again: bool) -> None:
        run = _one_of(data, sorted(self.model.runs))
        self._enqueue(run, self.model.runs[run].cursor if right else "elsewhere", kinds, last=last, again=again)

    def _enqueue(self, run: str, cursor: str, kinds: list[str], *, last: bool, again: bool) -> None:
        jobs: dict[bytes, Known] = {}
        for kind in kinds:
            person, zone = str(self.fresh()), ZONES[kind == "zone"]
            content = Job(person, time_zone=zone or None, aside=WHY if kind == "aside" else None)
            known = Known(run, encode_record(job_id(run, person), content), zone=zone, aside=kind == "aside")
            known.comes_back()
            jobs[job_id(run, person)] = known
        move, records = (cursor, f"c{self.fresh()}", last, jobs), [known.record for known in jobs.values()]
        done = self.call("runs/enqueue_chunk", run, cursor, move[1], int(last), EMPTY_MAP, *records, again=again)
        assert done == self.model.enqueue(run, *move)

    @rule(data=st.data(), what=st.sampled_from(RUN_EVENTS), holder=st.sampled_from(HOLDERS), again=st.booleans())
    @precondition(lambda self: self.model.runs)
    def something_happens_to_a_run(self, data: st.DataObject, what: str, holder: str, again: bool) -> None:
        name = _one_of(data, [*sorted(self.model.runs), "unknown"])
        run = self.model.runs.get(name)
        if what == "cancel":
            assert self.call("runs/cancel", name, "ana", again=again) == self.model.cancel(name)
        elif what == "becomes overdue":
            self._becomes_overdue(name)
        elif what == "hours":
            self._hours_change(name, {zone for zone in ZONES if data.draw(st.booleans(), "closed")})
        else:
            if what == "let go" and run and run.holds:
                holder = min(run.holds)
            held, who = what == "hold", "ana" if data.draw(st.booleans(), "a person") else ""
            done = self.call("runs/hold", name, holder, int(held), who, again=again)
            assert done == self.model.hold(name, holder, held, by_person=bool(who))
        self._somebody_claims(behind=what == "becomes overdue" and data.draw(st.booleans(), "by one clock"))

    def _becomes_overdue(self, run: str) -> None:
        if run in self.model.runs and self.model.runs[run].state in {"enqueuing", "active"}:
            before_ms = self._now_ms() - 1000
            self.redis.hset(key(f"run:{run}"), "expires_at_ms", before_ms)
            self.redis.zadd(key("expiries"), {run: before_ms}, xx=True)
            self.model.runs[run].overdue = True

    def _now_ms(self) -> int:
        return int(self.redis.time()[0]) * 1000

    def _hours_change(self, name: str, closed: set[str]) -> None:
        """A run gets hours, others than it had: in these zones they begin much later."""
        if name in self.model.runs:
            spans = {zone: [FAR_MS - DAY_MS, FAR_MS] if zone in closed else [1, FAR_MS] for zone in ZONES}
            self.redis.hset(key(f"run:{name}"), "windows", msgspec.msgpack.encode(spans))
            self.redis.hdel(key(f"run:{name}"), *(f"closes:{zone}" for zone in ZONES))
            self.model.runs[name].closed, self.model.runs[name].hours = closed, True
            self._parked_units_are_due(name)

    def _parked_units_are_due(self, run: str) -> None:
        for zone in ZONES:
            self.redis.zadd(key("parked"), {unit_of(run, zone): 1}, xx=True)

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
            assert sorted(answer[2:]) == (sorted(known.held) if not right else [])

    @rule(data=st.data(), dies=st.booleans())
    def take_over(self, data: st.DataObject, dies: bool) -> None:
        if dies:
            self._lease_runs_out(self.holder(data))
        heir = self.session(data)
        self.model.taken_over(heir, self.call("sessions/take_over", heir, NEVER_MS))

    def _lease_runs_out(self, session: str) -> None:
        self.redis.zadd(key("sessions"), {session: 1}, xx=True)
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

    @rule(
        data=st.data(),
        want=st.integers(1, 4),
        bound=st.sampled_from([3, 1000, 1000]),
        then_mark=st.booleans(),
        behind=RARELY,
    )
    def claim(self, data: st.DataObject, want: int, bound: int, then_mark: bool, behind: bool) -> None:
        session = self.session(data)
        args = (session, f"c{self.fresh()}", want, bound, behind)
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

    def _somebody_claims(self, *, behind: bool = False) -> None:
        """What always happens soon: the first session that is alive asks for work."""
        alive = sorted(s for s, session in self.model.sessions.items() if session.alive)
        if alive:
            self._claim((alive[0], f"c{self.fresh()}", 2, 1000, behind))

    def _claim(self, args: tuple[Any, ...], *, again: bool = False) -> None:
        *asked, behind = args
        for page in self.model.judge.pages:
            self.redis.delete(key(f"recent:{page}"))  # everybody has had his second
        answer = self.call("work/claim", *asked, 1, 10**6, 10**6, 0, self._wall_ms(behind=behind), again=again)
        for name, run in self.model.runs.items():
            if run.overdue and run.claimable and self.redis.hget(key(f"run:{name}"), "state") == b"expired":
                assert not behind, "a run expired by one clock alone"
                self.model.expire(name)  # at the latest when its turn comes
            elif run.overdue and behind:
                run.doubted = True
        session, claim_id, want, bound = asked
        self.model.claimed(session, claim_id, want, bound, answer)

    def _wall_ms(self, *, behind: bool) -> int:
        """The caller's clock, that may be a day behind Redis's."""
        return self._now_ms() - (DAY_MS if behind else 0)

    @rule(
        data=st.data(),
        want=st.integers(1, 4),
        bound=st.sampled_from([3, 1000, 1000]),
        again=st.booleans(),
        behind=RARELY,
    )
    def drain(self, data: st.DataObject, want: int, bound: int, again: bool, behind: bool) -> None:
        session = self.session(data)
        args = (session, f"d{self.fresh()}", want, bound, behind)
        self._drain(args, again=again)
        self.last_claims[session, "drain"] = args

    def _drain(self, args: tuple[Any, ...], *, again: bool = False) -> None:
        *asked, behind = args
        answer = self.call("work/drain", *asked, self._wall_ms(behind=behind), again=again)
        session, claim_id, want, bound = asked
        self.model.drained(session, claim_id, want, bound, answer, doubted=behind)

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
        answers = data.draw(st.lists(st.sampled_from(MOODS), min_size=4, max_size=4), "answers")
        jobs, marks = self.some_jobs(data, session), self.model.sessions[session].marks
        if data.draw(MOSTLY, "sent"):
            self._mark(session, [job for job in jobs if job in self.model.sessions[session].held], again=False)
        late, retried = data.draw(RARELY, "an old token's"), data.draw(RARELY, "no first attempts")
        group = [
            self._settling(job, what, self._said(job, answer, late, not retried) if job in marks and what else None)
            for job, what, answer in zip(jobs, kinds, answers, strict=False)
        ]
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
            parts += self._heard(session, one)
        answer = self.call("work/settle", session, number, *_packed(parts), again=again, same_answer=True)
        assert (answer if again else answer[0]) == self.model.settle(session, number, group), (
            "settled what is not ours, or not what is"
        )

    def _heard(self, session: str, one: Settling) -> tuple[bytes, bytes, bytes]:
        """Letter, the mark's time by Redis's clock, verdict."""
        said, mark = one.said, self.model.sessions[session].marks.get(one.job, (b"", b"0"))
        if said is None:
            return b"", mark[1], b""
        letter = said.letter.upper() if said.first else said.letter
        rules = msgspec.Raw(pack(said.rules))
        verdict = msgspec.msgpack.encode([said.error, said.token_version, 0, 1.0, rules, ""])
        return letter.encode(), mark[1], verdict

    def _said(self, job: bytes, answer: str, of_old_token: bool, first: bool) -> Said:
        letter, rules = ANSWERS[answer]
        page = self.model.page(self.model.runs[self.model.jobs[job].run].page)
        version = str(int(page.token_version) - of_old_token)
        return Said(letter, first, self.model.marked_at_us[job], rules, error=answer, token_version=version)

    def _settling(self, job: bytes, what: str, said: Said | None) -> Settling:
        record = self.model.jobs[job].record
        if what == "":
            return Settling(job, "", b"", record, 0)
        event = b"event %d" % self.fresh()
        if what in FINAL:
            return Settling(job, what, event, b"", 0, said)
        again, delay_ms = job + b"again%d" % self.fresh(), LATER_MS if "later" in what else 0
        return Settling(job, "retrying", event, again, delay_ms, said)

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
        name = _one_of(data, sorted(self.model.judge.pages))
        page = self.model.page(name)
        stopped = page.blocked(self.model.now_us) or self.model.judge.app.blocked(self.model.now_us)
        what = _one_of(data, [*(STARTS if stopped == usual else STOPS)])
        if what in {"pause", "resume", "open", "close"}:
            assert self.call("pages/steer", msgspec.msgpack.encode([name]), what, "ana", "", again=again) == []
            self._steer(page, what)
        elif what == "cannot be used":
            version = str(int(page.token_version) - old_token)
            opened = self.call("pages/unusable", name, "why", LATER_MS, LATER_MS, version, again=again)
            assert opened == self.model.judge.unusable(page, LATER_MS, version, self.model.now_us)
        elif what == "gets a new token":
            self.call("pages/set", name, f"token{self.fresh()}", again=again)
            page.token_version = str(int(page.token_version) + 1)
            if page.breaker and page.retry_at_ms < BY_HAND_MS:
                page.retry_at_ms = 0
        elif what == "two runs take turns":
            self.redis.hdel(key(f"page:{name}"), *SHARED)
            self.model.gaps.add(name)
        else:
            self._waits_end(name, page)
        if what in STOPS:
            self._somebody_claims()

    page_events_often = something_happens_to_a_page

    def _steer(self, page: Scope, what: str) -> None:
        if what == "pause":
            page.paused_until_ms, page.pause_level, page.probe = BY_HAND_MS, 0, None
        elif what == "resume":
            page.paused_until_ms, page.pause_level, page.probe, page.answers = 0, 0, None, ""
        elif what == "open":
            page.breaker, page.retry_at_ms, page.looked_after = "open", BY_HAND_MS, True
        else:
            page.breaker, page.retry_at_ms, page.failures, page.cooldowns = None, 0, 0, 0
            page.answers, page.looked_after = "", page.probe is not None

    def _waits_end(self, name: str, page: Scope) -> None:
        """All that is waited for with the page comes to its end, also what a person has ordered."""
        for field in ("paused_until_ms", "retry_at_ms"):
            for hash_ in (f"page:{name}", "app"):
                if self.redis.hexists(key(hash_), field):
                    self.redis.hset(key(hash_), field, 1)
        for content in ("text", "media"):
            self.redis.zadd(key("waiting"), {f"{name}/{content}": 1}, xx=True)
        self.redis.hset(key(f"page:{name}"), mapping=SHARED)
        self.model.gaps.discard(name)
        for scope in (page, self.model.judge.app):
            scope.paused_until_ms, scope.retry_at_ms = min(scope.paused_until_ms, 1), min(scope.retry_at_ms, 1)
        for run_id, run in self.model.runs.items():
            if run.page == name:
                run.doubted = False
                if not run.closed:
                    self._parked_units_are_due(run_id)

    @invariant()
    def redis_holds_what_the_model_says(self) -> None:
        compare(self.scripts.dump(), self.model, self._now_ms())


def _one_of(data: st.DataObject, choices: list[T]) -> T:
    return choices[data.draw(st.integers(0, 10_000)) % len(choices)]


def _same_in_any_order(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and sorted(map(repr, old)) == sorted(map(repr, new))
