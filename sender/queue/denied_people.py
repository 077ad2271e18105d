"""The deny lists as the queue knows them: for jobs that were put into it before an entry was made."""

from __future__ import annotations

from typing import Literal

from redis.asyncio import Redis

from schema.job import person_hash
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts, slices

FORGET_AFTER_MS = 3600 * 1000
"""How much older than every job an entry must be: it is made a moment after that in the log database."""


class DeniedPeople:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def change(
        self,
        what: Literal["add", "remove", "lift"],
        page_id: str,
        recipient_ids: list[str],
        *,
        who: str,
        command: str,
        changed: bool,
        detail: str | None = None,
    ) -> int:
        """Deny people of a page from now on, or no longer; return for how many that is news here.

        Args:
            what: `add` or `remove`; `lift` only notes that something else was lifted than an entry here.
            page_id: the page, known to the queue or not.
            recipient_ids: the people.
            who: does it, for the audit trail.
            command: its words, for the same.
            changed: whether the log database was changed, so that it is noted even when nothing is here.
            detail: what the audit trail says of it; None: whom.
        """
        count = 0
        for some in slices(recipient_ids):
            whom = some[0] if len(some) == 1 else f"{len(some)} people, the first {some[0]}"
            persons = [person_hash(recipient_id) for recipient_id in some]
            args = (page_id, what, who, command, whom if detail is None else detail, int(changed))
            count += int(await aio(self._scripts.call, "pages/deny", *args, *persons))
        return count

    async def forget(self) -> int:
        """Forget what no job needs any more; return how many entries."""
        return int(await aio(self._scripts.call, "pages/forget_denied", FORGET_AFTER_MS))
