"""Opening Redis the one way all services use it."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 10.0


def open_redis(url: str) -> Redis:
    """Return a client for `url`. Nothing is repeated behind our back: repeating is the caller's decision."""
    return Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        protocol=2,
        decode_responses=False,
    )
