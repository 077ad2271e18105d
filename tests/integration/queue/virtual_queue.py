"""One page's queue on a clock that the test moves, beside an exact model of what answers do to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis

from schema.job import Job, encode_record, job_id
from schema.keys import key
from sender.delivery.verdict import letter_of, verdict_of
from sender.graph.api.classify import Answer
from sender.queue.session_queue import _packed
from sender.rules.rule_table import RuleTable
from tests.faults.judge_model import Happened, Judge, Said
from tests.faults.pace_model import NEVER, nearest
from tests.faults.scripts import Scripts

EPOCH_US = 1_700_000_000_000_000
LEASE_MS = FAR_MS = 10**13
BATCH, NONE = 1, 10**6
EMPTY_MAP = b"\x80"
REAL_CLOCK = re.compile(r"local t = redis\.call\('TIME'\)\n  return .*\n")
RUN, PAGE, LANE = "r", "1", "1/text"


def on_a_clock_of_ours(text: str) -> str:
    """A script that takes the time from a key."""
    changed, n = REAL_CLOCK.subn(f"return tonumber(redis.call('GET', '{key('test_clock')}'))\n", text)
    assert n == 1, "lib/base.lua is written otherwise now"
    return changed


@dataclass
class Sent:
    """A claimed and marked job."""

    id: bytes
    first: bool
    at_us: int


class VirtualQueue:
    """Drives the scripts and the model side by side; every step compares what both say.

    Args:
        client: a Redis.
        rules: by which answers are judged.
        limit: of the page, messages a second.
        app_limit: 0: none.
        random: for jitter.
        change: breaks the scripts' texts.
    """

    def __init__(
        self,
        client: redis.Redis,
        rules: RuleTable,
        *,
        limit: int = 50,
        app_limit: int = 0,
        random: Any = lambda: 0.5,
        change: Any = str,
    ) -> None:
        self._redis, self._rules, self._random = client, rules, random
        self._limit, self._app_limit = limit, app_limit
        self._scripts = Scripts(client, lambda text: change(on_a_clock_of_ours(text)))
        self._number = self._waiting = 0
        self._lane_until_us: float = 0
        self.model = Judge()
        self.model.app.pace.is_apps = True
        self.page = self.model.page(PAGE)
        self.app = self.model.app
        self.now_us = EPOCH_US
        self.under_way: list[Sent] = []
        client.flushdb()
        self._set_clock()
        self._scripts.call("sessions/open", "s", LEASE_MS)
        self._scripts.call("runs/create", RUN, PAGE, LANE, "{}", 0, FAR_MS)

    def _set_clock(self) -> None:
        self._redis.set(key("test_clock"), self.now_us)

    def _fresh(self) -> int:
        self._number += 1
        return self._number

    def pass_time(self, ms: float) -> None:
        self.now_us += round(ms * 1000)
        self._set_clock()

    def _fill(self, count: int) -> None:
        if self._waiting < count:
            people = [str(self._fresh()) for _ in range(2000)]
            records = [encode_record(job_id(RUN, p), Job(p)) for p in people]
            cursor: Any = self._redis.hget(key(f"run:{RUN}"), "cursor")
            assert self._scripts.call("runs/enqueue_chunk", RUN, cursor, people[-1], 0, EMPTY_MAP, *records)
            self._waiting += len(people)

    @property
    def blocked_ms(self) -> float:
        """How long nothing can be claimed."""
        until_ms = max(self.app.paused_until_ms, self.page.paused_until_ms, self.page.retry_at_ms)
        return max(0.0, until_ms - self.now_us / 1000, (self._lane_until_us - self.now_us) / 1000)

    @property
    def braked(self) -> bool:
        return self.model.run(RUN).braked

    def claim(self, want: int) -> int:
        """Claim and mark; return how many there were, which the model must have foretold."""
        self._fill(want)
        limits = (self._limit, NONE, self._app_limit)
        wall_ms = self.now_us // 1000
        args = (f"c{self._fresh()}", want, NONE, BATCH, *limits, wall_ms)
        answer = self._scripts.call("work/claim", "s", *args)
        ids = [record[:16] for group in answer[3:] for record in group[5:]]
        foretold = self._foretell(want)
        assert len(ids) == foretold, f"{len(ids)} were claimed, and not {foretold}"
        self._waiting -= len(ids)
        if ids:
            packed = _packed([part for i in ids for part in (i, b"1")])
            times = self._scripts.call("work/mark", "s", *packed)
            self.under_way += [Sent(i, True, int(at)) for i, at in zip(ids, times, strict=True)]
        self.compare()
        return len(ids)

    def _foretell(self, want: int) -> int:
        """How many the model lets go now; it follows."""
        now, app, page, lane = self.now_us, self.app, self.page, self.page.clocks[0]
        if self._lane_until_us <= now:
            self._lane_until_us = 0
        if app.blocked(now):
            return 0
        app_limit, app_clock = float(self._app_limit), app.clocks[0]
        app_from = app_cell = None
        if app.pace.slowed:
            paced = app.pace.of_app(app_limit, now)
            app_limit = 0 if paced == NEVER else paced
            app.pace.forget(now)
        if app_limit > 0:
            may, app_from, app_cell, _ = app_clock.allowance(app_limit, now, BATCH)
            want = min(want, may)
        if app.probe and want > 0:
            want = 1
        if want < 1 or self.model.run(RUN).braked or self._lane_until_us:
            return 0
        taken = self._serve(want, now)
        if taken:
            app_clock.count_up(taken, now)
            if app_from is None or app_cell is None:
                app_clock.write(app_clock.tat, app_clock.cell, app_limit)
            else:
                app_clock.write(app_from + taken * app_cell, app_cell, app_limit)
            app.probe_goes(now)
        self.page, self.page.clocks[0] = page, lane
        return taken

    def _serve(self, want: int, now: int) -> int:
        page, clock = self.page, self.page.clocks[0]
        limit = float(self._limit)
        slowed = page.pace.slowed
        if slowed:
            limit *= page.pace.of_page(now)
            page.pace.forget(now)
        if page.blocked(now):
            self._park(max(page.paused_until_ms, page.retry_at_ms if page.breaker else 0) * 1000)
            return 0
        may, start, cell, burst = clock.allowance(limit, now, BATCH)
        if may < 1:
            self._park_at_limit(start - (burst - 1) * cell, now, slowed)
            return 0
        taken = 1 if page.probing else min(want, may)
        clock.count_up(taken, now)
        clock.write(start + taken * cell, cell, self._limit)
        if page.probing:
            page.probe_goes(now)
            self._park(now + 30e6)
        elif may - taken < 1:
            self._park_at_limit(start + (taken + 1 - burst) * cell, now, slowed)
        return taken

    def _park_at_limit(self, until_us: float, now: int, slowed: bool) -> None:
        self._park(min(until_us, now + 1e6) if slowed else until_us)

    def _park(self, until_us: float) -> None:
        self._lane_until_us = nearest(until_us)

    def settle(self, answers: Sequence[Answer], *, first: bool = True, token_version: int = 0) -> list[Happened]:
        """Settle the oldest jobs under way in one group; return what happened, which the model must say too."""
        sent, self.under_way = self.under_way[: len(answers)], self.under_way[len(answers) :]
        parts: list[bytes] = []
        for one, answer in zip(sent, answers, strict=False):
            said, verdict = self._said(one, answer, first, token_version)
            letter = said.letter.upper() if first else said.letter
            parts += (one.id, RUN.encode(), PAGE.encode(), b"sent", b"{}", b"", b"0", letter.encode())
            parts += (b"%d" % one.at_us, verdict)
            self.model.hear(RUN, PAGE, said, self.now_us)
        settled, happened, _ = self._scripts.call("work/settle", "s", self._fresh(), *_packed(parts))
        assert settled == [1] * len(sent)
        foretold = self.model.close()
        assert sorted(tuple(part.decode() for part in one[:3]) for one in happened) == sorted(foretold)
        if any(scope == "page" and what in WAKING for what, scope, _ in foretold):
            self._lane_until_us = 0
        self.compare()
        return foretold

    def _said(self, one: Sent, answer: Answer, first: bool, token_version: int) -> tuple[Said, bytes]:
        verdict = verdict_of(answer, self._rules, token_version, self._random)
        error, version, asked_ms, jitter = msgspec.msgpack.decode(verdict)[:4] if verdict else ("", "0", 0, 1.0)
        return Said(
            letter_of(answer), first, one.at_us, self._rules.matching(answer), error, version, asked_ms, jitter
        ), verdict

    def let_go(self) -> None:
        """A person resumes the run that is braked."""
        self._scripts.call("runs/hold", RUN, "operator", 0, "ana")
        self.model.run(RUN).braked = False
        self.model.run(RUN).forget()

    def compare(self) -> None:
        """All that Redis holds of the page, the app and the run must be what the model says."""
        for scope, name in ((self.page, f"page:{PAGE}"), (self.app, "app")):
            fields: Any = self._redis.hgetall(key(name))
            found = {k.decode(): v.decode(errors="replace") for k, v in fields.items()}
            said = {
                "answers": scope.answers,
                "probe": scope.probe or "",
                "breaker": scope.breaker or "",
                "failures": scope.failures,
                "cooldowns": scope.cooldowns,
                "pause_level": scope.pause_level,
                "paused_until_ms": scope.paused_until_ms,
                "retry_at_ms": scope.retry_at_ms,
                "cut_us": scope.pace.cut_us,
                "pace_rate" if scope.kind == "app" else "pace": scope.pace.reached or 0,
                "climbed_us": scope.pace.climbed_us,
                "hold_until_us": scope.pace.hold_until_us,
                "ceiling": scope.pace.ceiling or 0,
                "ceiling_until_us": scope.pace.ceiling_until_us,
            }
            told = {name: _as(found.get(name), value) for name, value in said.items()}
            differs = {field: (told[field], said[field]) for field in said if told[field] != said[field]}
            assert not differs, f"{name} at {self.now_us}"
        held = self._redis.hexists(key(f"run:{RUN}"), "hold:brake")
        assert held == self.model.run(RUN).braked


WAKING = {"pause", "breaker", "breaker_closed", "resumed"}


def _as(text: str | None, like: float | str) -> float | str:
    if isinstance(like, str):
        return text or ""
    return float(text or 0)
