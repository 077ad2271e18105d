"""Random faults on a busy world: no promise is broken. `nox -s soak` does the same for hours.

A failure names its seed; NEWAR_FAULT_SEED=… NEWAR_FAULT_SECONDS=… repeat its actions.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.actions import Faults, plan
from tests.faults.servers import Restartable
from tests.faults.world import open_world
from tests.kafka.broker import KafkaBroker

SEED = int(os.environ.get("NEWAR_FAULT_SEED", "1"))
SECONDS = float(os.environ.get("NEWAR_FAULT_SECONDS", "15"))


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[KafkaBroker | None]:
    """Apache Kafka, which runs again at the end, or None where it cannot run."""
    try:
        broker: KafkaBroker = request.getfixturevalue("kafka_broker")
    except pytest.skip.Exception:
        yield None
        return
    yield broker
    broker.start()


@pytest.fixture
def bootstrap(broker: KafkaBroker | None, request: pytest.FixtureRequest) -> str:
    return broker.bootstrap if broker else str(request.getfixturevalue("kafka_bootstrap"))


@pytest.fixture
async def faults(
    redis_server: Restartable,
    postgres_server: Restartable,
    broker: KafkaBroker | None,
    bootstrap: str,
    tmp_path: Path,
) -> AsyncIterator[Faults]:
    servers: dict[str, Restartable | KafkaBroker] = {"redis": redis_server, "postgres": postgres_server}
    if broker is not None:
        servers["broker"] = broker
    addresses = {"redis_url": redis_server.address, "log_database_url": postgres_server.address}
    async with open_world(tmp_path, kafka_bootstrap_servers=bootstrap, **addresses) as world:
        yield Faults(world, SEED, servers)


async def test_random_faults_break_no_promise(faults: Faults) -> None:
    print(f"NEWAR_FAULT_SEED={SEED} NEWAR_FAULT_SECONDS={SECONDS}")
    actions = plan(SEED, SECONDS)
    await faults.carry_out(actions)
    healing_s = await faults.world.until_done()
    await faults.world.verify(
        f"random, seed {SEED}",
        actions=len(actions),
        servers_killed=faults.servers_killed,
        servers_frozen=faults.servers_frozen,
        held=faults.held,
        held_unmarked=faults.unmarked,
        recovered_s=faults.recovered_s,
        healing_s=healing_s,
    )
