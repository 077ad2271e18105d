"""Entries of the audit trail about who came in, or tried to: they go through Redis, so also while Postgres is away."""

from __future__ import annotations

import structlog
import trio
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.access.allowance import Allowance
from sender.queue.audit_stream import AuditStream

log = structlog.get_logger()

WRITTEN_WITHIN_S = 2.0
_FAILURES_AT_ONCE = 20
_FAILURE_EVERY_S = 10.0
_ALL = ""


class Notes:
    """Of failures, which strangers cause, some are written, and of the others how many: a flood fills nothing."""

    def __init__(self, redis: Redis) -> None:
        self._stream = AuditStream(redis)
        self._failures = Allowance(_FAILURES_AT_ONCE, _FAILURE_EVERY_S)
        self._left_out = 0

    async def came(self, name: str, address: str, what: str) -> None:
        """Note that somebody came in, or went."""
        await self._write(f"{name}@{address}", what, name, "")

    async def refused(self, what: str, name: str, address: str, reason: str) -> None:
        """Note an attempt that failed. `name`: whom it would have been, if there is somebody of that name."""
        now_s = trio.current_time()
        if self._failures.wait_s(_ALL, now_s) > 0:
            self._left_out += 1
            return
        self._failures.spend(_ALL, now_s)
        others, self._left_out = self._left_out, 0
        more = f"; {others} others were not noted before" if others else ""
        await self._write(f"anybody@{address}", what, name, reason + more)

    async def _write(self, who: str, what: str, target: str, detail: str) -> None:
        try:
            with trio.fail_after(WRITTEN_WITHIN_S):
                await self._stream.note(who, what, target, detail)
        except (RedisError, OSError, trio.TooSlowError) as exc:
            log.warning("not_in_the_audit_trail", who=who, what=what, target=target, error=type(exc).__name__)
