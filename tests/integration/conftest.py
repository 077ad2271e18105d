"""Real servers for the integration tests: started once per session, emptied for each test."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
import trio

from schema.migrate import migrate
from schema.runtime.asyncio_door import open_asyncio
from tests.integration.redis_login import documented_login
from tests.kafka.broker import KafkaBroker
from tests.tls.doors import Doors


@pytest.fixture(scope="session")
def local_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Addresses of PostgreSQL, Valkey and the broker, as `python -m ops.local` prints them."""
    data: Path = tmp_path_factory.mktemp("servers")
    command = [sys.executable, "-m", "ops.local", "--data", str(data), "--not-durable"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        line = process.stdout.readline()
        assert line, "the local servers did not start; see the output above"
        yield json.loads(line)
        process.stdin.close()
        process.wait()


@contextmanager
def _new_database(server: str, template: str = "template1") -> Iterator[str]:
    """A copy of another database, made and gone again in the quickest way: of its files."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        copy = f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"
        admin.execute(copy.encode())  # names of our own making
        yield f"{server.rsplit('/', 1)[0]}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def postgres_url(local_servers: dict[str, Any]) -> Iterator[str]:
    """A new, empty database."""
    with _new_database(local_servers["postgres_url"]) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(local_servers: dict[str, Any]) -> Iterator[str]:
    """The name of a database with the current schema, of which all tests have copies: nobody connects to it."""
    with _new_database(local_servers["postgres_url"]) as url:
        asyncio.run(migrate(url))
        yield url.rsplit("/", 1)[1]


@pytest.fixture
def log_database_url(local_servers: dict[str, Any], migrated: str) -> Iterator[str]:
    """A new database with the current schema."""
    with _new_database(local_servers["postgres_url"], migrated) as url:
        yield url


@pytest.fixture
def redis_url(local_servers: dict[str, Any]) -> str:
    """Redis, emptied."""
    url: str = local_servers["redis_url"]
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


@pytest.fixture
def admin(redis_url: str) -> Iterator[redis.Redis]:
    """The same Redis, for one who may do everything there."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def limited_url(admin: redis.Redis, redis_url: str) -> Iterator[str]:
    """The same Redis with a login that has the documented rights."""
    with documented_login(admin, redis_url) as url:
        yield url


@pytest.fixture
def kafka_bootstrap(request: pytest.FixtureRequest, local_servers: dict[str, Any]) -> str:
    """The embedded broker, or what the mark `both_brokers` says; use a topic of your own."""
    if getattr(request, "param", "tansu") == "kafka":
        broker: KafkaBroker = request.getfixturevalue("kafka_broker")
        return broker.bootstrap
    bootstrap: str = local_servers["kafka_bootstrap"]
    return bootstrap


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    """Doors with TLS before these servers, which speak none."""
    with ExitStack() as stack:
        yield Doors(tmp_path, stack)


@pytest.fixture
async def asyncio_loop(nursery: trio.Nursery) -> Any:
    """The process's asyncio loop, as an entry point opens it."""
    async with open_asyncio() as loop:
        yield loop
