"""The source refuses, hangs, is cut off, and run processors are killed: each recipient is enqueued and sent once.

NEWAR_SOURCE_FAULTS=… and NEWAR_FAULT_SEED=… say how many faults, and which.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
import trio
from psycopg import sql

from tests.faults.source_tables import SourceTables
from tests.faults.world import World
from tests.guarded import Guarded

FAULTS = int(os.environ.get("NEWAR_SOURCE_FAULTS", "6"))
SEED = int(os.environ.get("NEWAR_FAULT_SEED", "1"))
VIEWS = ("newar_runs", "newar_recipients", "newar_pages")
RUN = 150
"""Recipients of a run: some chunks."""


class FailingSource:
    """The sample's tables and views, a login for them, and what goes wrong with these. Blocks: it is local."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tables = SourceTables(world.database_url)
        self._sql = self._tables.sql
        self.login = f"reader_{uuid4().hex[:12]}"
        self._sql(f"CREATE ROLE {self.login} LOGIN PASSWORD 'p'; GRANT SELECT ON {', '.join(VIEWS)} TO {self.login}")
        parts = urlsplit(world.database_url)
        self.url = parts._replace(netloc=f"{self.login}:p@{parts.netloc.rpartition('@')[2]}").geturl()
        self._runs = 0

    def close(self) -> None:
        """Take the login back."""
        self._sql(f"DROP OWNED BY {self.login}; DROP ROLE {self.login}")
        self._tables.close()

    def add_run(self) -> None:
        """Add a broadcast that is due, and expect it to reach its people."""
        people = [str(7_000_000_000 + self._runs * RUN + n) for n in range(RUN)]
        self._runs += 1
        self._world.remember(self._tables.add_run(people), people)

    async def revoke(self, random: Random) -> None:
        """Take a view away for a moment."""
        view = random.choice(VIEWS)
        self._sql(f"REVOKE SELECT ON {view} FROM {self.login}")  # noqa: S608 - names of ours
        await trio.sleep(random.uniform(0.1, 1))
        self._sql(f"GRANT SELECT ON {view} TO {self.login}")

    async def hang(self, random: Random) -> None:
        """Let a table answer nobody for a moment."""
        table = sql.Identifier(random.choice(("broadcasts", "broadcast_recipients", "pages")))
        with psycopg.connect(self._world.database_url) as other:
            other.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
            await trio.sleep(random.uniform(0.1, 1))

    async def cut(self, _: Random) -> None:
        """End all connections of run processors to it."""
        self._sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", self.login)

    async def lose_a_view(self, random: Random) -> None:
        """Drop a view and make it again, as a migration of the platform's own does."""
        [(text,)] = self._world.fetch("SELECT pg_get_viewdef('newar_recipients')")
        self._sql("DROP VIEW newar_recipients")
        await trio.sleep(random.uniform(0.1, 1))
        self._sql(f"CREATE VIEW newar_recipients AS {text}; GRANT SELECT ON newar_recipients TO {self.login}")


@pytest.fixture
def source(world: World) -> Iterator[FailingSource]:
    source = FailingSource(world)
    yield source
    source.close()


async def test_runs_of_a_failing_source_reach_everybody_once(world: World, source: FailingSource) -> None:
    print(f"NEWAR_FAULT_SEED={SEED} NEWAR_SOURCE_FAULTS={FAULTS}")
    random = Random(SEED)  # noqa: S311 - dice that fall the same way again

    def process() -> Guarded:
        return world.start("runs", source_database_url=source.url, poll_interval_ms=100, enqueue_chunk=20)

    await world.start_senders([])
    processors = [process(), process()]
    for number in range(FAULTS):
        if number % 2 == 0:
            source.add_run()
        fault = random.choice((source.revoke, source.hang, source.cut, source.lose_a_view, None))
        print(fault.__name__ if fault else "kill a run processor")
        if fault is None:
            processors.pop(random.randrange(2)).kill()
            processors.append(process())
        else:
            await fault(random)
        await trio.sleep(random.uniform(0, 0.5))
    await world.until_done()
    await world.verify(f"source, seed {SEED}", actions=FAULTS)
