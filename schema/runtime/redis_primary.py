"""Connections to the primary of Redis, which may become another server at any moment."""

from __future__ import annotations

from typing import Any

import structlog
from redis.asyncio import Connection, SSLConnection
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import AuthenticationError, MasterDownError, MovedError, ReadOnlyError, RedisError

log = structlog.get_logger()

_REFUSALS = (ReadOnlyError, MovedError, MasterDownError, AuthenticationError)
"""What the same connection will go on answering: the server is a replica now, or another has the keys or the users."""


class Primary:
    """Where the primary is: where Sentinel says, where a cluster's node has sent us, or at the address given."""

    def __init__(self, host: str, port: int, sentinels: Sentinel | None) -> None:
        """`host`: with Sentinels, the name by which they know the primary."""
        self._given, self._sentinels = (host, port), sentinels
        self._moved: tuple[str, int] | None = None
        self._found: tuple[str, int] | None = None
        self.refusals = 0
        """Connections that are older than the last refusal lead to a server that is not to be asked any more."""

    async def address(self) -> tuple[str, int]:
        """Return host and port. Errors: redis.ConnectionError when no Sentinel knows."""
        if self._moved is not None:
            return self._moved
        if self._sentinels is None:
            return self._given
        host, port = await self._sentinels.discover_master(self._given[0])
        before, self._found = self._found, (str(host), int(port))
        if before not in (None, self._found):
            log.warning("redis_primary_is_another", was=f"{before[0]}:{before[1]}", now=f"{host}:{port}")
        return self._found

    def refused(self, refusal: RedisError) -> None:
        """Note that a connection leads to a server which is not the primary, or not ours, any more."""
        self.refusals += 1
        self._moved = (refusal.host, refusal.port) if isinstance(refusal, MovedError) else None

    def unreachable(self) -> None:
        """Note that nobody answers there: the next connection asks anew."""
        self._moved = None


class _ToPrimary(Connection):
    """Closes itself after a refusal that would stay, and asks for the address anew each time it connects."""

    def __init__(self, *, primary: Primary, **options: Any) -> None:
        super().__init__(**options)
        self._primary = primary
        self._refusals = primary.refusals

    async def connect(self) -> None:
        """Connect, also when a connection stands that is older than a refusal."""
        if self.is_connected and self._refusals != self._primary.refusals:
            await self.disconnect()
        await super().connect()  # type: ignore[no-untyped-call]  # redis-py

    async def _connect(self) -> None:
        self._refusals = self._primary.refusals
        self.host, self.port = await self._primary.address()
        try:
            await super()._connect()  # type: ignore[no-untyped-call]  # redis-py
        except BaseException:
            self._primary.unreachable()
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer. Errors: as of redis-py."""
        try:
            return await super().read_response(*args, **options)
        except _REFUSALS as refusal:
            if self._refusals == self._primary.refusals:
                self._primary.refused(refusal)
            self.mark_for_reconnect()  # type: ignore[no-untyped-call]  # redis-py
            raise


class PrimaryConnection(_ToPrimary):
    """Without TLS."""


class PrimarySSLConnection(_ToPrimary, SSLConnection):
    """With TLS."""
