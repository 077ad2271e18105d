"""When so many of the last events are refused that the fault is not theirs: then nothing more is buried. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ingest.stops import IngestStops
from ingest.writing.rows import DeadLetter

_LEAST = 200
"""Of fewer events a share says nothing."""
_MOST = 10_000
"""How many events are looked back over."""


class TooManyRefused(IngestStops):
    """More than DEAD_LETTER_STOP_SHARE of the last events were refused. Nothing of this batch was written."""

    def __init__(self, refused: int, events: int, reason: str) -> None:
        super().__init__(
            f"{refused} of the last {events} events were refused, the last one with: {reason}. The ingest stops before "
            "it buries more; the events wait in the topic. Mend what refuses them (a constraint or trigger of the log "
            "database, senders of another release), or take them as dead letters with DEAD_LETTER_STOP_SHARE=1, and "
            "start the ingest again"
        )


class StopShare:
    """The last events, as batches of them and how many of each were refused."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._batches: deque[tuple[int, int]] = deque()
        self._events = 0
        self._refused = 0

    def check(self, events: int, dead: Sequence[DeadLetter]) -> None:
        """See whether a batch of so many events may be written though these of them are refused.

        Raises:
            TooManyRefused: when it may not.
        """
        in_all, bad = self._events + events, self._refused + len(dead)
        if dead and in_all >= _LEAST and bad > self._share * in_all:
            raise TooManyRefused(bad, in_all, dead[-1].told)

    def note(self, events: int, refused: int) -> None:
        """Count a batch that was written."""
        self._batches.append((events, refused))
        self._events += events
        self._refused += refused
        while self._events - self._batches[0][0] >= _MOST:
            old_events, old_refused = self._batches.popleft()
            self._events -= old_events
            self._refused -= old_refused
