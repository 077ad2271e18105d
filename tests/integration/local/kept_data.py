"""Data for the servers to keep, and a look whether they did."""

from __future__ import annotations

import psycopg
import redis

from ops.local.servers import LocalAddresses


def remember(addresses: LocalAddresses) -> None:
    assert addresses.postgres_url
    assert addresses.redis_url
    with psycopg.connect(addresses.postgres_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'kept' AS word")
    with redis.Redis.from_url(addresses.redis_url) as client:
        client.set("word", "kept")


def recall(addresses: LocalAddresses) -> tuple[object, object]:
    assert addresses.postgres_url
    assert addresses.redis_url
    with psycopg.connect(addresses.postgres_url) as connection, redis.Redis.from_url(addresses.redis_url) as client:
        return connection.execute("SELECT word FROM kept").fetchone(), client.get("word")
