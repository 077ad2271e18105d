"""Whether the Graph API can be reached, and when to try it again. What a hundred tasks meet at once is one failure."""

from __future__ import annotations

import trio

from schema.runtime.outage import Outage
from sender.graph.http.errors import TransportError

_LONGEST_PAUSE_S = 15.0


class GraphOutage:
    """Shared by all tasks of a process."""

    def __init__(self) -> None:
        self._outage = Outage("graph_api", longest_s=_LONGEST_PAUSE_S)
        self._retry_at = 0.0

    @property
    def down(self) -> bool:
        """Whether the last try failed: then one job is claimed, to try again."""
        return self._outage.down

    @property
    def wait_s(self) -> float:
        """How long to wait before the next try; 0 or less: not at all."""
        return self._retry_at - trio.current_time() if self.down else 0.0

    def failed(self, failure: TransportError) -> None:
        """Note that it could not be reached."""
        now = trio.current_time()
        if now >= self._retry_at:
            self._retry_at = now + self._outage.failed(failure, now)

    def answered(self) -> None:
        """Note an answer, whatever it says."""
        self._outage.recovered(trio.current_time())
