"""Who steers, and what an act leaves behind."""

from __future__ import annotations

from typing import Any

from redis import Redis

from schema.keys import key

ADMIN = {"Authorization": "Bearer admin"}
VIEWER = {"Authorization": "Bearer viewer"}
TOKENS: dict[str, Any] = {"admin_token": "admin", "viewer_token": "viewer"}
AWAY = "postgresql://newar:hidden-password@127.0.0.1:1/newar"


def trail(redis: Redis) -> list[tuple[str, str, str]]:
    """Return what, target and detail of every act that the queue has noted."""
    entries: Any = redis.xrange(key("audit"))
    return [tuple(fields[name].decode() for name in (b"what", b"target", b"detail")) for _, fields in entries]
