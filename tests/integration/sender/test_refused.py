"""Services that Redis refuses something: they say what, do nothing by halves, and go on when it is granted."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
import trio
from pydantic import SecretStr
from redis import Redis
from structlog.testing import capture_logs

from schema.keys import key
from schema.runtime.stop import Stop
from sender.app import serve as serve_sender
from sender.runs.app import serve as serve_runs
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings
from tests.integration.redis_login import as_replica, change_login
from tests.integration.sender.world import KEY, World, people
from tests.patience import patience_s

Lines = list[MutableMapping[str, Any]]


async def refusal_in(lines: Lines) -> str:
    """Wait for the first refusal; return its reason."""
    with trio.fail_after(patience_s()):
        while True:
            for line in lines:
                if line["event"] == "part_refuses":
                    return str(line["reason"])
            await trio.sleep(0.01)


async def test_a_sender_without_a_command_names_it_takes_nothing_and_goes_on_when_it_is_granted(
    world: World, admin: Redis, limited_url: str
) -> None:
    change_login(admin, "-xadd", "-zmscore")
    await world.add("r", people(3))

    async def send() -> None:
        async with world.sender(redis_url=limited_url):
            await world.finished("r")

    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            reason = await refusal_in(lines)
            assert "XADD, ZMSCORE" in reason
            assert "ACL SETUSER newar +xadd +zmscore" in reason
            assert admin.exists(key("sessions")) == 0
            change_login(admin, "+xadd", "+zmscore")
    assert (await world.runs.facts(["r"]))["r"].outcomes == {"sent": 3}
    assert [line["event"] for line in lines].count("part_refuses") == 1


@pytest.mark.parametrize("stop_first", [False, True], ids=["becomes the primary", "is stopped"])
async def test_a_sender_of_a_replica_says_so_and_waits(
    world: World, admin: Redis, limited_url: str, stop_first: bool
) -> None:
    await world.add("r", people(3))
    stop = Stop(1.0)
    settings = SenderSettings(**{**world.values, "redis_url": limited_url})
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            with as_replica(admin):
                nursery.start_soon(serve_sender, settings, stop)
                reason = await refusal_in(lines)
                if stop_first:
                    stop.request()
            if not stop_first:
                await world.finished("r")
                stop.request()
    assert "replica" in reason
    assert "primary" in reason
    assert (await world.runs.facts(["r"]))["r"].outcomes == ({} if stop_first else {"sent": 3})


async def test_a_run_processor_without_a_command_names_it(
    admin: Redis, limited_url: str, log_database_url: str, asyncio_loop: Any
) -> None:
    change_login(admin, "-copy")
    settings = RunsSettings(
        redis_url=SecretStr(limited_url),
        log_database_url=SecretStr(log_database_url),
        token_encryption_key=SecretStr(KEY),
        poll_interval_ms=50,
    )
    stop = Stop(1.0)
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_runs, settings, stop)
            reason = await refusal_in(lines)
            assert admin.exists(key("epoch")) == 0
            change_login(admin, "+copy")
            with trio.fail_after(patience_s()):
                while not admin.exists(key("epoch")):
                    await trio.sleep(0.01)
            stop.request()
    assert "may not run COPY" in reason
    assert "+copy" in reason
