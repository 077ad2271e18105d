"""What is said of Redis's memory: in words, with figures, in the health and as metrics."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from pydantic import SecretStr

from ops.api.rest.metrics import DECLARED, Figures
from ops.board.checks import Seen, check_all
from ops.board.redis_room import evicts, no_room
from ops.board.settings import BoardSettings
from schema.snapshot import ProcessSnapshot, RedisMemory, RunsSnapshot
from tests.unit.api.contents import ingest, process, sender

FULL = RedisMemory(used=390 << 20, bound=400 << 20, reserve_share=0.1, policy="noeviction")
SAID = (
    "Redis uses 390.0 MiB of its 400.0 MiB (maxmemory), of which 10% stay free for what is in the queue "
    "(REDIS_RESERVE_SHARE): nothing more is enqueued until messages have been sent, or maxmemory is raised"
)


def runs(*full: str, memory: RedisMemory | None = FULL) -> ProcessSnapshot:
    return process("r", runs=RunsSnapshot(redis_full=list(full), redis_memory=memory))


@pytest.mark.parametrize(
    ("processes", "source", "said"),
    [
        ([runs("source")], None, SAID),
        ([runs("source")], "source", SAID),
        ([runs("source")], "submitted", None),
        ([runs(), runs("submitted")], "submitted", SAID),
        ([runs()], None, None),
        ([process("s", sender=sender())], None, None),
    ],
)
def test_why_runs_wait_for_room_is_said_of_their_source(
    processes: list[ProcessSnapshot], source: str | None, said: str | None
) -> None:
    found = no_room(processes, source)
    assert (str(found) if found else None) == said


@pytest.mark.parametrize(("policy", "is_bad"), [("noeviction", False), (None, False), ("allkeys-lru", True)])
def test_a_redis_that_evicts_is_told(policy: str | None, is_bad: bool) -> None:
    memory = RedisMemory(used=1, bound=2, policy=policy)
    assert bool(evicts([runs(memory=memory)])) is is_bad
    assert evicts([runs(memory=None)]) is None


@pytest.mark.parametrize(
    ("seen", "status", "detail"),
    [
        (runs("source"), "degraded", SAID),
        (runs(memory=RedisMemory(policy="allkeys-lru")), "degraded", "set maxmemory-policy noeviction"),
        (runs(), "ok", "answers"),
    ],
)
async def test_the_health_says_so(seen: ProcessSnapshot, status: str, detail: str) -> None:
    async def look() -> Seen:
        await trio.lowlevel.checkpoint()
        return Seen([seen])

    health = await check_all(BoardSettings(redis_url=SecretStr("redis://nowhere")), look)
    check = health.checks["redis"]
    assert (check.status, detail in (check.detail or "")) == (status, True)


async def test_the_health_says_why_the_log_database_takes_no_rows() -> None:
    async def look() -> Seen:
        await trio.lowlevel.checkpoint()
        return Seen([process("i", ingest=ingest(database_down=True, database_refusal="its disk is full"))])

    health = await check_all(BoardSettings(redis_url=SecretStr("redis://nowhere")), look)
    assert health.checks["ingest"].status == "degraded"
    assert health.checks["ingest"].detail == "1 running, log database unreachable from 1: its disk is full"


def test_metrics_have_its_bytes_and_their_share() -> None:
    without: Any = None
    figures = Figures(processes=[runs("source"), runs(memory=None)], queue=without, breaker=without)
    found = {d.name: [value for _, value in d.samples(figures)] for d in DECLARED if "_redis_" in d.name}
    assert found == {
        "newar_redis_used_bytes": [390 << 20],
        "newar_redis_maxmemory_bytes": [400 << 20],
        "newar_redis_used_share": [0.975],
        "newar_redis_full": [1.0, 0.0],
    }
