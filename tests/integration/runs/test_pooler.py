"""The run processor behind pgbouncer, in the mode that Supabase's pooler has: every transaction another server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from tests.integration.runs.serving import serving, settings, until
from tests.integration.runs.world import World
from tests.patience import patience_s
from tests.pooler import PGBOUNCER, pooler
from tests.tls.certificates import Authority

pytestmark = pytest.mark.skipif(
    PGBOUNCER is None, reason="the pooler's tests need pgbouncer: apt-get install pgbouncer"
)

PEOPLE = [str(7_000_000_000_000_000 + n) for n in range(40)]


@pytest.fixture
def pooled(tmp_path_factory: pytest.TempPathFactory, log_database_url: str) -> Iterator[Callable[..., str]]:
    """Start a pooler of that mode before the database; return the address through it."""
    with ExitStack() as stack:

        def start(mode: str, **options: Any) -> str:
            return stack.enter_context(pooler(log_database_url, tmp_path_factory.mktemp(mode), mode, **options))

        yield start


def behind(world: World, url: str) -> Any:
    return settings(world, source_database_url=url, log_database_url=url, enqueue_chunk=8)


@pytest.mark.parametrize("discards", [False, True])
async def test_whole_run_goes_through_a_transaction_pooler(
    world: World, pooled: Callable[..., str], discards: bool
) -> None:
    run = world.run(*PEOPLE)
    with capture_logs() as logs:
        async with serving(behind(world, pooled("transaction", discards=discards))):
            await until(lambda: world.recipients(run) == PEOPLE)
            for status in ("paused", "queued", "paused", "queued"):
                world.change(run, status=status)
                await held(world, run, status == "paused")
    assert [line for line in logs if line["log_level"] in ("warning", "error")] == []


async def held(world: World, run: str, wanted: bool) -> None:
    """Wait until the source holds the run, or does no longer."""
    with trio.fail_after(patience_s()):
        while ("source" in (await world.facts(run)).held_by) != wanted:
            await trio.sleep(0.02)


async def test_two_processors_share_the_pooler_and_enqueue_everybody_once(
    world: World, pooled: Callable[..., str]
) -> None:
    runs = [world.run(*PEOPLE) for _ in range(2)]
    url = pooled("transaction")
    async with serving(behind(world, url)), serving(behind(world, url)):
        await until(lambda: all(len(world.jobs(run)) >= len(PEOPLE) for run in runs))
        await until(lambda: all(world.state(run) == "active" for run in runs))
    assert [world.recipients(run) for run in runs] == [PEOPLE] * 2


async def test_pooler_in_statement_mode_is_told(world: World, pooled: Callable[..., str]) -> None:
    run = world.run(*PEOPLE)
    with capture_logs() as logs:
        async with serving(settings(world, source_database_url=pooled("statement"))):
            await until(lambda: any(line["event"] == "part_refuses" for line in logs))
    [away] = [line for line in logs if line["event"] == "part_refuses"]
    assert away["part"] == "source database"
    assert "a pooler in statement mode is before it" in away["reason"]
    assert world.state(run) is None


async def test_source_is_read_through_a_pooler_with_tls_whose_name_is_checked(
    world: World, pooled: Callable[..., str], tmp_path: Path
) -> None:
    run, authority = world.run(*PEOPLE), Authority(tmp_path)
    url = pooled("transaction", certificate=authority.certificate_file("db.newar.test"))
    checked = f"{url}?sslmode=verify-full&sslrootcert={authority.ca_file}&hostaddr=127.0.0.1"
    with capture_logs() as logs:
        async with serving(settings(world, source_database_url=checked)):
            await until(lambda: any(line["event"] == "part_unreachable" for line in logs))
        async with serving(settings(world, source_database_url=f"{url}?sslmode=disable")):
            await until(lambda: any("only with TLS" in line.get("cause", "") for line in logs))
        async with serving(settings(world, source_database_url=checked.replace("@127.0.0.1", "@db.newar.test"))):
            await until(lambda: world.recipients(run) == PEOPLE)
    assert "is for another name" in next(line["cause"] for line in logs if "cause" in line)
