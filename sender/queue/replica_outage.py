"""Whether Redis's replicas answer, where marks have to reach them: while they do not, nothing may leave."""

from __future__ import annotations

import trio

from schema.runtime.outage import Outage
from sender.queue.session_queue import ReplicasMissing, SessionQueue
from sender.queue.until_answered import UntilAnswered


class ReplicaOutage:
    """Shared by all tasks of a process.

    Args:
        queue: asks them.
        until_answered: repeats a call until Redis has answered it.
    """

    def __init__(self, queue: SessionQueue, until_answered: UntilAnswered) -> None:
        self._queue = queue
        self._until_answered = until_answered
        self._outage = Outage("redis (replicas)", longest_s=2.0)

    @property
    def down(self) -> bool:
        """Whether too few have answered last."""
        return self._outage.down

    def failed(self) -> float:
        """Note that too few have answered; return for how many seconds to leave them alone."""
        return self._outage.failed(ReplicasMissing("fewer than REDIS_MARK_REPLICAS have answered"), trio.current_time())

    async def ask(self) -> None:
        """Ask them once, after a pause; nothing is claimed meanwhile."""
        await trio.sleep(self.failed())
        if await self._until_answered(self._queue.replicas_answer):
            self._outage.recovered(trio.current_time())
