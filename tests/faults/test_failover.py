"""The primary of Redis is killed under senders at work, and a replica takes over: nobody gets a message twice."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from ops.doctor.redis import check_redis
from schema.outcomes import Outcome
from schema.runtime.redis import open_redis
from schema.runtime.redis_address import MarkReplicas, address_with
from schema.runtime.settings import RedisSettings
from sender.queue.page_queue import PageQueue
from sender.queue.run_queue import RunQueue
from tests.faults.checker import Finding, check
from tests.faults.history import History
from tests.faults.replicated_redis import NAME, ReplicatedRedis, open_replicated_redis
from tests.faults.report import figures_of, report
from tests.faults.test_redis_killed import until_sent
from tests.faults.world import World, open_world
from tests.patience import patience_s
from tests.unit.command_line import open_command_line

FAILOVERS = int(os.environ.get("NEWAR_FAILOVERS", "2"))
SEED = int(os.environ.get("NEWAR_FAILOVER_SEED", "1"))
PER_FAILOVER = 600
_ROWS = (
    "SELECT event_id, attempt, outcome, sent_at, sender_id FROM message_logs WHERE (run_id, recipient_id) = (%s, %s)"
)


@pytest.fixture
async def servers(asyncio_loop: Any, tmp_path: Path) -> AsyncIterator[ReplicatedRedis]:
    folder = tmp_path / "redis"
    folder.mkdir()
    async with open_replicated_redis(folder) as servers:
        yield servers


@pytest.fixture
async def world(
    servers: ReplicatedRedis, log_database_url: str, kafka_bootstrap: str, tmp_path: Path
) -> AsyncIterator[World]:
    addresses = {"redis_url": f"redis://{NAME}/0", "log_database_url": log_database_url}
    asked = {"redis_sentinels": servers.sentinels, "redis_mark_replicas": "2"}
    async with open_world(tmp_path, kafka_bootstrap_servers=kafka_bootstrap, **addresses, **asked) as world:
        world.redis = servers.sentinel.master_for(NAME, socket_timeout=2)
        world.client = open_redis(
            address_with(f"redis://{NAME}/0", sentinels=servers.sentinels, replicas=MarkReplicas(2))
        )
        world.runs, world.pages = RunQueue(world.client), PageQueue(world.client)
        yield world


def findings_of(history: History) -> list[Finding]:
    """Return every broken promise. What was settled, and then forgotten, is settled once more, as unknown."""
    return [one for one in check(history) if not one.detail.startswith("settled ")]


async def test_failovers_double_nothing_and_the_log_tells_the_truth(world: World, servers: ReplicatedRedis) -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeated
    await world.start_senders([], [], lease_ms=3000)
    for number in range(FAILOVERS):
        sent = len(await world.accepted())
        await world.enqueue(f"r{number}", PER_FAILOVER, page=str(100 + number % 5))
        await until_sent(world, sent + chance.randrange(20, PER_FAILOVER // 2))
        await servers.fail_over()
        await world.until_done()
    history = await world.history()
    unknown_in_redis = sum(run.outcomes[Outcome.UNKNOWN] for run in history.runs.values())
    findings = findings_of(history)
    unknown = sum(row.outcome == Outcome.UNKNOWN for row in history.rows)
    report("failovers", **figures_of(history, findings), failovers=FAILOVERS, unknown_in_redis=unknown_in_redis)
    print(f"{FAILOVERS} failovers: {unknown_in_redis} unknown in Redis, {unknown} in the log")
    rows = [row for one in findings[:3] for row in world.fetch(_ROWS, one.run_id, one.recipient_id)]
    assert not findings, f"{rows}\n" + "\n".join(map(str, findings[:20])) + "\n" + world.last_lines()


async def test_the_doctor_knows_the_replicas_and_the_sentinels(servers: ReplicatedRedis) -> None:
    async def told(wanted: int, name: str = NAME) -> list[tuple[str, str]]:
        settings = {
            "redis_url": f"redis://{name}/0",
            "redis_sentinels": servers.sentinels,
            "redis_mark_replicas": wanted,
        }
        found = await check_redis(RedisSettings(_env_file=None, **settings))  # type: ignore[call-arg, arg-type]
        return [(one.status, one.text) for one in found]

    told_of_two = await told(2)
    assert ("ok", f"3 Sentinels know the primary {NAME} at 127.0.0.1:{servers.primary()}") in told_of_two
    assert ("ok", "2 replicas are connected, and nothing leaves before they know of it") in told_of_two
    [warned] = [text for status, text in await told(1) if status == "warn" and "that takes over" in text]
    assert "only 1 of 2" in warned
    assert await told(2, "nobody") == [("fail", "3 of 3 Sentinels know no primary nobody")]


async def test_nothing_leaves_while_too_few_replicas_know_of_it(
    world: World, servers: ReplicatedRedis, tmp_path: Path
) -> None:
    [sender] = await world.start_senders([], redis_mark_replicas_within_ms=100)
    with open_command_line(tmp_path) as newar:  # a health check finds the primary as the sender does
        newar.set(REDIS_URL=f"redis://{NAME}/0", REDIS_SENTINELS=servers.sentinels)
        await world.until(lambda: newar("health", "sender").exit_code == 0, "the sender's first report")
    replicas = servers.replicas()
    for port in replicas:
        servers.freeze(port, frozen=True)
    await world.enqueue("r", 50)
    await world.until(lambda: "fewer than REDIS_MARK_REPLICAS" in sender.process.output(), "the sender's word of it")
    await trio.sleep(0.5)
    assert not await world.accepted()
    for port in replicas:
        servers.freeze(port, frozen=False)
    with trio.fail_after(patience_s()):
        await world.until_done()
    history = await world.verify("replicas away")
    assert history.runs["r"].outcomes == {"sent": 50}
