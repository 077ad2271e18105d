"""The ways to PostgreSQL, Redis and Kafka: what a connection really uses, and why a handshake fails. Asks servers."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

import psycopg
import redis
from aiokafka.errors import KafkaConnectionError
from pydantic import SecretStr
from redis.asyncio.connection import parse_url

from ops.doctor.encryption import PostgresWay, kafka_finding, redis_finding
from ops.doctor.finding import Finding
from schema.runtime.asyncio_door import aio
from schema.runtime.handshake import handshake_error, unchecked
from schema.runtime.kafka import bootstrap_trouble
from schema.runtime.kafka_refusals import kafka_refusal
from schema.runtime.settings import KafkaSettings, LogDatabaseSettings, RedisSettings, SourceDatabaseSettings
from schema.runtime.tls_trouble import PUBLIC_AUTHORITIES, tls_trouble

_CONNECT_WITHIN_S = 4


class Way(NamedTuple):
    """How a part is reached. `look` judges its encryption; `why` names the trouble behind a client's error."""

    look: Callable[[], Awaitable[Finding]]
    why: Callable[[BaseException], Awaitable[str | None]]


def to_source(part: str, settings: SourceDatabaseSettings) -> Way | None:
    """Return the way to the source database; None without an address."""
    url = settings.source_database_url
    return None if url is None else _to_postgres(part, url)


def to_log_database(part: str, settings: LogDatabaseSettings) -> Way:
    """Return the way to the log database."""
    return _to_postgres(part, settings.log_database_url)


def _to_postgres(part: str, url: SecretStr) -> Way:
    return Way(partial(_look_at_postgres, part, url), partial(_why_no_postgres, url))


def to_redis(part: str, settings: RedisSettings) -> Way:
    """Return the way to Redis."""

    async def look() -> Finding:
        return redis_finding(part, settings.redis_url)

    return Way(look, partial(_why_no_redis, settings.redis_url))


def to_kafka(part: str, settings: KafkaSettings) -> Way:
    """Return the way to the broker."""

    async def look() -> Finding:
        return kafka_finding(part, settings)

    async def why(_: BaseException) -> str | None:
        error = await aio(bootstrap_trouble, settings)
        return None if error is None else kafka_refusal(error) or tls_trouble(KafkaConnectionError(str(error)))

    return Way(look, why)


async def _look_at_postgres(part: str, url: SecretStr) -> Finding:
    way = PostgresWay.of(url)
    return way.judged(part, None if way.near else await aio(_encrypted, url.get_secret_value()))


async def _encrypted(url: str) -> bool | None:
    """Ask libpq, whose connection it is: the server, asked behind a pooler, would tell of the pooler's."""
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_WITHIN_S)
    except (psycopg.Error, OSError, ValueError):
        return None  # the check of the part says why
    async with connection:
        return bool(connection.pgconn.ssl_in_use)


async def _why_no_postgres(url: SecretStr, error: BaseException) -> str | None:
    """Shake hands as libpq would: of a certificate it only says that it does not stand the check."""
    if _UNCHECKED not in f"{error} {error.__cause__}":
        return None
    way = PostgresWay.of(url)
    if way.root == "system":
        return _NO_SYSTEM
    try:
        context = ssl.create_default_context(cafile=way.root)
    except OSError:  # an SSLError is one too; libpq says it
        return None
    context.check_hostname = way.sslmode == "verify-full"
    for host, at, port in way.servers:
        if host and not host.startswith(("/", "@")):
            cause = await aio(partial(handshake_error, host, port, context, at=at, postgres=True))
            if isinstance(cause, ssl.SSLCertVerificationError):
                return tls_trouble(psycopg.OperationalError(str(cause)))
    return None


_UNCHECKED = "certificate verify failed"
_NO_SYSTEM = f"sslrootcert=system knows no authorities here: write sslrootcert={PUBLIC_AUTHORITIES}"


async def _why_no_redis(url: SecretStr, _: BaseException) -> str | None:
    """See whether the port speaks TLS; what is wrong with a certificate redis-py says itself."""
    address = url.get_secret_value()
    if address.startswith("unix:"):
        return None
    options: dict[str, Any] = dict(parse_url(address))
    if "ssl_certfile" in options:
        return None  # we would be asked for it
    context = unchecked() if address.startswith("rediss:") else None
    error = await aio(handshake_error, options.get("host", "localhost"), options.get("port", 6379), context)
    return None if error is None else tls_trouble(redis.ConnectionError(str(error)))
