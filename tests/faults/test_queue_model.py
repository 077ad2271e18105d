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
    "forgets the turn of a run that got a job back": ("activate[unit] = true", ""),
    "ignores the id of a claim": (
        "kind .. ':id') ~= id then return nil end",
        "kind .. ':id') ~= 0 then return nil end",
    ),
    "repeats a claim after its jobs were given back": ("'send:id', 'drain:id')", "'nothing')"),
    "claims for a session that is gone": ("then return 'gone' end", "then return 'ok' end"),
    "claims though the outbox is full": ("then return 'full' end", "then return 'ok' end"),
    "claims without keeping hold": ("in_slices('HSET', P .. 'held:' .. session, pairs_)", ""),
    "claims more than wanted": ("probing and 1 or math.min(most, may)", "probing and 1 or 9"),
    "claims an expired run": ("tonumber(r[2] or 0), tonumber(r[5]", "9e15, tonumber(r[5]"),
    "expires by one clock alone": (
        "moment_ms <= now_ms and moment_ms <= wall_ms + TOLERANCE_MS",
        "moment_ms <= now_ms",
    ),
    "claims what one clock alone calls expired": ("if expires_ms <= now_ms then", "if false then"),
    "claims outside the hours": ("if closes_ms == 0 or closes_ms > now_ms then", "if true then"),
    "forgets who waits for his hours": (
        "redis.call('ZREM', P .. 'parked', unit)\n    units[unit] = true",
        "redis.call('ZREM', P .. 'parked', unit)",
    ),
    "claims for a paused page": ("if p.paused_us > now then", "if false then"),
    "claims while the app is paused": ("if paused_us > now then", "if false then"),
    "probes with more than one": ("probing and 1 or math.min", "probing and 2 or math.min"),
    "probes the app with more than one": ("if app_probes then want = 1 end", ""),
    "lets others go while a probe is out": (
        "HSET', key, 'probe', 'out', 'paused_until_ms', until_ms)",
        "HSET', key, 'probe', 'out')",
    ),
    "waits for a probe that nobody has sent": ("probe_again(unasked)", ""),
    "sends a job that stands aside": ("if string.byte(record, 17) == 0x98 then", "if false then"),
    "forgets a job that stands aside": (
        "RPUSH', P .. 'aside:' .. run, record)\n    redis.call('SADD', P .. 'asides', run)\n    return nil",
        "RPUSH', P .. 'aside:' .. run, record)\n    return nil",
    ),
    "brakes a run that keeps its turns": ("leave_lane(scope.name)\n  begin", "begin"),
    "brakes for answers to retries": ("if a.first then note_at_run", "if true then note_at_run"),
    "judges what was sent before the last cut": ("scope and a.sent_us > scope.cut_us", "scope"),
    "drains the page's zone alone": (
        "for _, unit in ipairs(units_of(run)) do\n      if want",
        "for _, unit in ipairs({run}) do\n      if want",
    ),
    "leaves a retry in the delays": ("redis.call('ZREM', P .. 'delayed', unpack(due))", ""),
    "never looks at the delays": ("'delayed', '-inf', int(now_ms), 'BYSCORE'", "'delayed', '-inf', -1, 'BYSCORE'"),
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
        "local unit = queue_record('LPUSH', run, record)\n      if unit then units",
        "local unit = run\n      if unit then units",
    ),
    "takes over without a turn for the jobs": (
        "    activate_unit(unit)\n    pages[",
        "    pages[",
    ),
    "lets a session inherit from itself": (
        "if dead == heir then dead = overdue[2] end",
        "dead = dead == heir and overdue[2] or dead",
    ),
    "renews what is gone": ("then return {} end\nlocal now = now_us()\nnote", "then end\nlocal now = now_us()\nnote"),
    "renews without counting": ("== believed", ">= 0"),
    "closes a session that holds jobs": (
        "== 1 then return 0 end\nif redis.call('ZREM', P .. 'sessions', session)",
        "== 9 then return 0 end\nif redis.call('ZREM', P .. 'sessions', session)",
    ),
    "holds a run without stopping it": ("who or '1')\n  leave_lane(run)", "who or '1')"),
    "lets go for all holders": ("if f[i] then return end", "if false then return end"),
    "lets go without a turn": ("'hold:' .. holder)\n  activate_run(run)", "'hold:' .. holder)"),
    "cancels and sends on": (
        "redis.call('HSET', key, 'enqueued', '1') end\n  leave_lane(run)",
        "redis.call('HSET', key, 'enqueued', '1') end",
    ),
    "cancels without draining": ("redis.call('SADD', P .. 'draining', run)", ""),
    "resumes without waking": ("    wake_page(page)\n  end\nend\nreturn", "  end\nend\nreturn"),
    "closes a breaker without waking": (
        "if scope.kind == 'page' then wake_page(scope.name) end\n  happened",
        "happened",
    ),
    "counts the failures of a former token": (
        "~= a.token_version then return",
        "~= a.token_version and false then return",
    ),
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
    "probes with more than one",
    "sends a job that stands aside",
    "brakes a run that keeps its turns",
)
"""The others take minutes: `nox -s soak` has them all."""


@pytest.mark.parametrize("fault", TWINS if os.environ.get("NEWAR_ALL_TWINS") else IN_EVERY_RUN)
def test_the_machine_notices_a_queue_that(fault: str, client: redis.Redis) -> None:
    old, new = TWINS[fault]
    scripts = Scripts(client, lambda text: text.replace(old, new))
    with pytest.raises((AssertionError, Flaky)):
        run_state_machine_as_test(lambda: QueueMachine(scripts), settings=UNTIL_FOUND)  # type: ignore[arg-type]  # calls it
