"""What stands in the servers behind the commands."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import redis

from schema.keys import key


def reports(redis_url: str, service: str) -> bool:
    with redis.Redis.from_url(redis_url) as client:
        return any(json.loads(s)["service"] == service for s in client.hvals(key("processes")))


def until(condition: Any) -> None:
    """Wait for what another process does."""
    while not condition():
        time.sleep(0.02)


def sql(url: str, query: str, *params: object) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query.encode(), params or None)
        return cursor.fetchall() if cursor.description else []
