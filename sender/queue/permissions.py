"""Whether Redis takes our writes, and our login may run the commands that we need.

Asked before work begins: a script that is refused a command half-way has written the first half.
"""

from __future__ import annotations

from redis.asyncio import Redis

from schema.redis_commands import OUR_KEYS, TRIALS
from schema.runtime.asyncio_door import aio
from schema.runtime.redis_refusals import NotPermitted
from sender.queue.script_loader import Scripts


class Permissions:
    """Methods are Trio coroutines; Redis is not changed. Errors: redis.RedisError, of a replica ReadOnlyError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)
        self.user = str(redis.connection_pool.connection_kwargs.get("username") or "default")

    async def missing(self) -> list[str]:
        """Return the ACL rules that our login lacks, such as `+xadd`."""
        await aio(self._scripts.call, "app/takes_writes")
        return [rule.decode() for rule in await aio(self._scripts.call, "app/permissions", OUR_KEYS, *TRIALS)]

    async def demand(self) -> None:
        """See that nothing is missing.

        Raises:
            NotPermitted: naming all that is missing, and what to grant.
        """
        if missing := await self.missing():
            raise NotPermitted(self.user, missing)
