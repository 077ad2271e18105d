"""The scripts against their model in any order; and the machine itself, which must notice every broken twin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

import sender.queue
from tests.faults.queue_machine import QueueMachine
from tests.faults.scripts import Scripts

MANY = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.timeout(400)  # no question of speed: a machine may be busy

UNTIL_FOUND = settings(MANY, max_examples=600, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_any_order_of_calls_keeps_every_job_in_exactly_one_place(client: redis.Redis) -> None:
    scripts = Scripts(client)
    run_state_machine_as_test(lambda: QueueMachine(scripts), settings=MANY)  # type: ignore[arg-type]  # calls it


TWINS = {
    "settles without looking whose it is": ("local ours = redis.call('HDEL', held, id)", "local ours = 1"),
    "settles once more after the job was claimed again": ("if number == tonumber(last[1])", "if false"),
    "settles an older group late": (" or number < tonumber(last[1] or 0)", ""),
    "keeps a mark after the settlement": ("redis.call('HDEL', marks, id)", "0"),
    "writes no event": (
        "if event ~= '' then\n      redis.call('XADD', outbox",
        "if false then\n      redis.call('XADD', outbox",
    ),
    "does not count the events that wait": ("count_events(events)", ""),
    "does not count what left the outbox": ("count_events(-trimmed)", ""),
    "forgets an outbox with events": ("> 0 then return 1 end", "> 1000 then return 1 end"),
    "counts a retry as final": ("if outcome ~= 'retrying' then", "if true then"),
    "forgets the turn of a run that got a job back": ("activate[run] = true", ""),
    "ignores the id of a claim": ("if last[1] ~= id then return nil end", "if true then return nil end"),
    "repeats a claim after its jobs were given back": ("'send:id', 'drain:id')", "'nothing')"),
    "claims for a session that is gone": ("then return 'gone' end", "then return 'ok' end"),
    "claims though the outbox is full": ("then return 'full' end", "then return 'ok' end"),
    "claims without keeping hold": ("in_slices('HSET', P .. 'held:' .. session, pairs_)", ""),
    "claims more than wanted": (
        "take(session, run, math.min(most, may), group, ids)",
        "take(session, run, 9, group, ids)",
    ),
    "claims an expired run": ("if tonumber(r[2] or 0) * 1000 <= now then", "if false then"),
    "claims for a paused page": ("if paused > now then", "if false then"),
    "claims while the app is paused": ("if paused_us > now then", "if false then"),
    "probes with more than one": ("if probe then most = 1 end", ""),
    "leaves a retry in the delays": ("redis.call('ZREM', P .. 'delayed', unpack(due))", ""),
    "never looks at the delays": ("if #due == 0 then return end", "if true then return end"),
    "enqueues at any cursor": ("f[1] ~= cursor or ", ""),
    "enqueues into an ended run": ("or f[3] ~= '0' or (f[2] ~= 'enqueuing' and f[2] ~= 'expired') then", "then"),
    "enqueues without a turn": ("if count > 0 then activate_run(run) end", ""),
    "moves no cursor": ("redis.call('HSET', key, 'cursor', next_cursor)", ""),
    "finishes a run that is still enqueued": ("if f[1] ~= '1' or tonumber", "if tonumber"),
    "does not finish an empty run": ("finish_if_done(run, now_us())", ""),
    "marks what belongs to others": ("if redis.call('HEXISTS', held, jobs[i]) == 1", "if true"),
    "moves the time of a mark": ("HSETNX', marks", "HSET', marks"),
    "takes over living sessions": (
        "'-inf', int(now), 'BYSCORE', 'LIMIT', 0, 2",
        "'-inf', '+inf', 'BYSCORE', 'LIMIT', 0, 2",
    ),
    "takes over and sends again what was marked": (
        "if tagged and mark then",
        "if tagged and mark and heir == holder then",
    ),
    "takes over and lets the former owner go on": ("redis.call('ZREM', P .. 'sessions', dead)", ""),
    "takes over and loses what was not marked": (
        "redis.call('LPUSH', P .. 'jobs:' .. run, record)\n      redis",
        "redis",
    ),
    "takes over without a turn for the jobs": (
        "    activate_run(run)\n    pages[",
        "    pages[",
    ),
    "lets a session inherit from itself": (
        "if dead == heir then dead = overdue[2] end",
        "dead = dead == heir and overdue[2] or dead",
    ),
    "renews what is gone": ("then return {} end\nlocal now = now_us()\nnote", "then end\nlocal now = now_us()\nnote"),
    "renews without counting": ("== believed", ">= 0"),
    "closes a session that holds jobs": (
        "== 1 then return 0 end\nredis.call('ZREM', P .. 'sessions', session)",
        "== 9 then return 0 end\nredis.call('ZREM', P .. 'sessions', session)",
    ),
    "holds a run without stopping it": ("'hold:' .. holder, '1')\n  leave_lane(run)", "'hold:' .. holder, '1')"),
    "lets go for all holders": ("or f[4] or f[5] or f[6] then return end", "then return end"),
    "lets go without a turn": ("'hold:' .. holder)\n  activate_run(run)", "'hold:' .. holder)"),
    "cancels and sends on": (
        "redis.call('HSET', key, 'enqueued', '1') end\n  leave_lane(run)",
        "redis.call('HSET', key, 'enqueued', '1') end",
    ),
    "cancels without draining": ("redis.call('SADD', P .. 'draining', run)", ""),
    "resumes without waking": ("wake_page(page)\nreturn 1", "return 1"),
    "closes a breaker without waking": (
        "closed[#closed + 1] = page\n      wake_page(page)",
        "closed[#closed + 1] = page",
    ),
    "counts the failures of a former token": ("~= version then return", "~= version and false then return"),
}


def test_every_twin_changes_a_script() -> None:
    texts = [path.read_text() for path in (Path(sender.queue.__file__).parent / "scripts").rglob("*.lua")]
    assert [fault for fault, (old, _) in TWINS.items() if not any(old in text for text in texts)] == []


IN_EVERY_RUN = (
    "settles without looking whose it is",
    "keeps a mark after the settlement",
    "ignores the id of a claim",
    "claims an expired run",
    "enqueues at any cursor",
    "marks what belongs to others",
    "takes over and sends again what was marked",
    "takes over and loses what was not marked",
)
"""The others take minutes: `nox -s soak` has them all."""


@pytest.mark.parametrize("fault", TWINS if os.environ.get("NEWAR_ALL_TWINS") else IN_EVERY_RUN)
def test_the_machine_notices_a_queue_that(fault: str, client: redis.Redis) -> None:
    old, new = TWINS[fault]
    scripts = Scripts(client, lambda text: text.replace(old, new))
    with pytest.raises((AssertionError, Flaky)):
        run_state_machine_as_test(lambda: QueueMachine(scripts), settings=UNTIL_FOUND)  # type: ignore[arg-type]  # calls it
