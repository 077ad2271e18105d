"""What the limiter promises at the claim, however claims fall. Time passes by moving what Redis remembers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schema.job import Job, encode_record, job_id
from schema.keys import key
from sender.queue.limit_clock import decode_clock, encode_clock
from tests.faults.queue_comparison import FAR_MS
from tests.faults.queue_machine import EMPTY_MAP, NEVER_MS
from tests.faults.scripts import Scripts

NONE = 10**6
LIMITED = {"page": (key("page:1"), "clock:text"), "app": (key("app"), "clock")}
"""Which limit counts, and where its clock is."""


class Clocked:
    """A queue with one endless run for each of two pages, and a clock that the test moves."""

    def __init__(self, client: redis.Redis, what: str, limit: int, change: Callable[[str], str] = str) -> None:
        self._client, self._what, self._limit = client, what, limit
        self._scripts = Scripts(client, change)
        self._ahead_us = 0
        self._claims = 0
        self.taken: list[tuple[float, int]] = []
        """When (s), how many."""
        client.flushdb()
        self._scripts.call("sessions/open", "s", NEVER_MS)

    def _fill(self, want: int) -> None:
        for run, page in (("a", "1"), ("b", "2"))[: 1 if self._what == "page" else 2]:
            self._scripts.call("runs/create", run, page, f"{page}/text", "{}", 0, FAR_MS)
            cursor: Any = self._client.hget(key(f"run:{run}"), "cursor")
            people = [f"{self._claims}-{n}" for n in range(want)]
            records = [encode_record(job_id(run, p), Job(p)) for p in people]
            self._scripts.call("runs/enqueue_chunk", run, cursor, f"{self._claims}", 0, EMPTY_MAP, *records)

    def pass_time(self, ms: int) -> None:
        """Let this much time pass."""
        us = ms * 1000
        self._ahead_us += us
        name, field = LIMITED[self._what]
        packed: Any = self._client.hget(name, field)
        if packed:
            clock = decode_clock(packed)
            clock.tat -= us
            self._client.hset(name, field, encode_clock(clock))
        lanes: Any = self._client.zrange(key("waiting"), 0, -1)
        for lane in lanes:
            self._client.zincrby(key("waiting"), -us, lane)

    def claim(self, want: int) -> None:
        """Claim from a backlog, and note when and how many."""
        self._claims += 1
        self._fill(want)
        limits = (self._limit, NONE, 0) if self._what == "page" else (NONE, NONE, self._limit)
        answer = self._scripts.call("work/claim", "s", f"c{self._claims}", want, NONE, 1, *limits, FAR_MS // 2)
        now_s = (int(answer[1]) + self._ahead_us) / 1e6
        self.taken.append((now_s, sum(len(group) - 5 for group in answer[3:])))

    def most_within(self, window_s: float) -> int:
        """Return the most that were claimed in any window of this length."""
        ends = [time for time, _ in self.taken]
        return max(sum(n for time, n in self.taken if end - window_s < time <= end) for end in ends)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.parametrize("what", LIMITED)
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    limit=st.integers(1, 200),
    steps=st.lists(st.tuples(st.sampled_from([0, 1, 5, 20, 100, 300, 1000, 20_000]), st.integers(1, 250)), max_size=40),
)
@example(limit=50, steps=[(0, 250), (300, 250), *[(20, 250)] * 38])
def test_no_window_gets_more_than_was_promised(
    what: str, client: redis.Redis, limit: int, steps: list[tuple[int, int]]
) -> None:
    queue = Clocked(client, what, limit)
    queue.claim(1)
    for ms, want in steps:
        queue.pass_time(ms)
        queue.claim(want)
    assert queue.most_within(1.0) <= 1.1 * limit + 1
    assert queue.most_within(10.0) <= 10 * limit + max(limit / 10, 1.5)


@pytest.mark.parametrize("what", LIMITED)
@pytest.mark.parametrize("limit", [7, 50, 300])
def test_a_backlog_uses_nearly_all_of_its_limit(what: str, limit: int, client: redis.Redis) -> None:
    queue = Clocked(client, what, limit)
    for _ in range(1200):
        queue.claim(50)
        queue.pass_time(25)
    times = [time for time, _ in queue.taken]
    # a machine that stalls for longer than a burst lasts wastes what is beyond it
    usable_s = sum(min(after - before, 0.08) for before, after in pairwise(times))
    assert usable_s >= 29
    assert sum(n for _, n in queue.taken) >= 0.97 * limit * usable_s


@pytest.mark.parametrize("what", LIMITED)
@pytest.mark.parametrize(
    ("burst", "breaks"), [("math.max(limit, 1.5, batch)", "the windows"), ("1", "the use of a backlog")]
)
def test_another_burst_would_be_noticed(what: str, burst: str, breaks: str, client: redis.Redis) -> None:
    before = "math.max(limit / 10, 1.5, math.min(batch, limit))"
    queue = Clocked(client, what, 300, lambda text: text.replace(before, burst))
    for _ in range(100):
        queue.claim(1000)
        queue.pass_time(25)
    lasted_s = queue.taken[-1][0] - queue.taken[0][0]
    total = sum(n for _, n in queue.taken)
    if breaks == "the windows":
        assert queue.most_within(1.0) > 1.1 * 300 + 1
    else:
        assert total < 0.97 * 300 * lasted_s
