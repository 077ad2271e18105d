"""Local servers that are started again: at the same address, with their data, while the body goes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import redis
import trio

from ops.local import restarts
from ops.local.errors import LocalServerFailed
from ops.local.restarts import STARTS_IN_A_ROW, Restarts
from ops.local.servers import LocalAddresses, open_servers
from schema.runtime.stop import Stop
from tests.integration.local.processes import living, processes_in, server_in
from tests.patience import patience_s

NAMES = ("postgres", "redis", "kafka")


async def until_up(kept: Restarts, name: str, restarts: int) -> None:
    with trio.fail_after(patience_s()):
        while not (kept.states[name].up and kept.states[name].restarts == restarts):
            changed = kept.changed
            with trio.move_on_after(0.1):  # its state may have changed before we looked
                await changed.wait()


def remember(addresses: LocalAddresses) -> None:
    assert addresses.postgres_url is not None
    assert addresses.redis_url is not None
    with psycopg.connect(addresses.postgres_url, autocommit=True) as database:
        database.execute("CREATE TABLE t AS SELECT 7 AS n")
    with redis.Redis.from_url(addresses.redis_url) as valkey:
        valkey.set("n", 7)


def remembered(addresses: LocalAddresses) -> list[object]:
    assert addresses.postgres_url is not None
    assert addresses.redis_url is not None
    with psycopg.connect(addresses.postgres_url) as database, redis.Redis.from_url(addresses.redis_url) as valkey:
        return [database.execute("SELECT n FROM t").fetchone(), valkey.get("n")]


async def test_servers_and_guards_that_are_killed_come_back_with_their_data(tmp_path: Path) -> None:
    kept = Restarts(Stop(1.0))
    async with open_servers(tmp_path, NAMES, restarts=kept) as addresses:
        remember(addresses)
        for name in NAMES:
            server_in(tmp_path, name).kill()
            await until_up(kept, name, 1)
        server_in(tmp_path, "postgres").parent().kill()
        await until_up(kept, "postgres", 2)
        assert remembered(addresses) == [(7,), b"7"]
        started = processes_in(tmp_path)
    assert living(started) == []


async def test_one_that_cannot_start_again_ends_the_body_first_and_the_others_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(restarts, "LITTLE_ROOM_BYTES", -1)
    told: list[bool] = []

    async def work() -> None:
        async with open_servers(tmp_path, {"redis", "postgres"}, restarts=Restarts(Stop(1.0))) as addresses:
            remember(addresses)
            with suppress(FileNotFoundError):
                (tmp_path / "postgres/cluster/global/pg_control").unlink()
            server_in(tmp_path, "postgres").kill()
            try:
                await trio.sleep_forever()
            finally:
                assert addresses.redis_url is not None
                with redis.Redis.from_url(addresses.redis_url) as valkey:  # it is there for last words
                    told.append(valkey.get("n") == b"7")

    with pytest.raises(LocalServerFailed, match=r"(?s)pg_control.*If the folder .* is damaged") as caught:
        await work()
    assert caught.value.name == "postgres"
    assert told == [True]
    assert STARTS_IN_A_ROW > 1


async def test_servers_outlive_a_body_that_is_cancelled_from_outside(tmp_path: Path) -> None:
    told: list[bool] = []
    async with trio.open_nursery() as outside, open_servers(tmp_path, {"redis"}) as addresses:
        outside.cancel_scope.cancel()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.3)
                assert addresses.redis_url is not None
                with redis.Redis.from_url(addresses.redis_url) as valkey:
                    told.append(valkey.ping())
    assert told == [True]
