"""How fast each run advances, from what was seen of it while somebody looked. Pure: time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

WINDOW_S = 30.0


class Progress(NamedTuple):
    """How far a run is in the queue that has it now."""

    ended: int
    """Recipients who got their final outcome there."""
    since_s: float | None
    """Since when the queue has the run; None: not known."""


class RunRates:
    """Remembers, per run, how far it was at the moments of the last half minute.

    What does not follow from the former moment begins anew: the run was put into another queue, or the queue was
    restored as it was earlier.
    """

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, Progress]]] = {}

    def note(self, runs: Mapping[str, Progress], at_s: float) -> None:
        """Add one moment for these runs; forget those of which nothing was seen for half a minute."""
        self._seen = {run_id: seen for run_id, seen in self._seen.items() if abs(at_s - seen[-1][0]) <= WINDOW_S}
        for run_id, progress in runs.items():
            moments = self._seen.setdefault(run_id, deque())
            if moments and at_s < moments[-1][0]:
                continue  # read before what is known already, and told later
            if moments and not _follows(moments[-1][1], progress):
                moments.clear()
            moments.append((at_s, progress))
            while at_s - moments[0][0] > WINDOW_S:
                moments.popleft()

    def rate(self, run_id: str) -> float:
        """Return recipients done per second; of a run that was seen only once, since the queue has it."""
        moments = self._seen.get(run_id)
        if not moments:
            return 0.0
        (from_s, before), (at_s, now) = moments[0], moments[-1]
        if len(moments) == 1:
            from_s, before = now.since_s if now.since_s is not None else at_s, Progress(0, None)
        return max(0.0, (now.ended - before.ended) / (at_s - from_s)) if at_s > from_s else 0.0


def _follows(then: Progress, now: Progress) -> bool:
    """Say whether this can be a later moment of the same run in the same queue."""
    return now.ended >= then.ended and now.since_s == then.since_s
