"""What the log database said of secrets a moment ago: not asked for each request, and it may be away."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import trio

from ops.access.access_database import AccessUnreachable
from ops.access.names import Known

FRESH_S = 1.0
"""So long an answer counts for whoever only looks."""
STALE_S = 3600.0
"""So long it counts while the database is away: meanwhile nobody can be removed, and the urgent must be possible."""
KNOWN_WITHIN_S = 1.0
"""So long it is waited for when there is such an answer: who stops something is not to stand at the door."""
AWAY_S = 1.0
"""So long it is not asked again once it did not answer."""
MOST = 5000


class Remembered:
    """Asks by a secret's hash, and remembers the answers. A Trio object."""

    def __init__(self, ask: Callable[[bytes], Awaitable[Known | None]]) -> None:
        self._ask = ask
        self._answers: OrderedDict[bytes, tuple[Known | None, float]] = OrderedDict()
        self._away: tuple[str, float] = "", float("-inf")

    async def whose(self, hashed: bytes, *, anew: bool) -> Known | None:
        """Return whose secret it is. `anew`: what was heard a moment ago is not enough, while it can be asked.

        Raises:
            AccessUnreachable: the database is away, and the last answer is too old.
        """
        answer, at = self._answers.get(hashed, (None, float("-inf")))
        now = trio.current_time()
        if not anew and now - at < FRESH_S:
            return answer
        known = answer is not None and now - at < STALE_S
        try:
            found = await self._asked(hashed, now, KNOWN_WITHIN_S if known else math.inf)
        except AccessUnreachable:
            if known:
                return answer
            raise
        self._remember(hashed, found)
        return found

    def knows(self, hashed: bytes) -> bool:
        """Tell whether it was somebody's when it was last asked for."""
        return self._answers.get(hashed, (None, 0.0))[0] is not None

    def forget(self, hashed: bytes) -> None:
        """Forget what was said of a secret."""
        self._answers.pop(hashed, None)

    async def _asked(self, hashed: bytes, now: float, within_s: float) -> Known | None:
        reason, until = self._away
        if now < until:
            raise AccessUnreachable(reason)
        try:
            with trio.fail_after(within_s):
                return await self._ask(hashed)
        except (AccessUnreachable, trio.TooSlowError) as exc:
            said = str(exc) or f"the log database does not answer within {within_s:.0f} s"
            self._away = said, trio.current_time() + AWAY_S
            raise AccessUnreachable(said) from None

    def _remember(self, hashed: bytes, found: Known | None) -> None:
        self._answers[hashed] = found, trio.current_time()
        self._answers.move_to_end(hashed)
        if len(self._answers) > MOST:
            self._answers.popitem(last=False)
