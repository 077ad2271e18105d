"""How fast each run advances, from what was seen of it while somebody looked. Pure: time is passed in."""

from __future__ import annotations

from collections import deque

WINDOW_S = 30.0


class RunRates:
    """Remembers, per run, how many recipients were done at the moments of the last half minute."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def note(self, done: dict[str, int], at_s: float) -> None:
        """Add one moment for these runs and forget all others."""
        self._seen = {run_id: self._seen.get(run_id) or deque() for run_id in done}
        for run_id, count in done.items():
            self._add(run_id, count, at_s)

    def note_one(self, run_id: str, done: int, at_s: float) -> None:
        """Add one moment of a run that is looked at by itself; forget those that nobody looks at any more."""
        fresh = {other: moments for other, moments in self._seen.items() if at_s - moments[-1][0] <= WINDOW_S}
        self._seen = {run_id: deque(), **fresh}
        self._add(run_id, done, at_s)

    def _add(self, run_id: str, done: int, at_s: float) -> None:
        moments = self._seen[run_id]
        moments.append((at_s, done))
        while at_s - moments[0][0] > WINDOW_S:
            moments.popleft()

    def rate(self, run_id: str, since_s: float | None) -> float:
        """Return recipients done per second; over the time since `since_s` when the run was seen only once."""
        moments = self._seen.get(run_id)
        if not moments:
            return 0.0
        at_s, done = moments[-1]
        from_s, before = moments[0]
        if len(moments) == 1:
            from_s, before = since_s if since_s is not None else at_s, 0
        return max(0.0, (done - before) / (at_s - from_s)) if at_s > from_s else 0.0
