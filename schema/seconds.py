"""The last quarter of an hour, second by second, in Redis: what each sender adds to it. Pure.

Each process writes what it counted in a second under a name of its own, as a whole: written twice it counts once, and
who reads adds the processes up. Sums are exact; pages and runs are told apart for the busiest of each process.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from heapq import nlargest
from uuid import uuid4

import msgspec

from schema.keys import key
from schema.latency_edges import EDGES_MS

KEPT_S = 900
BUSIEST = 50
"""Pages, and runs, that a process tells apart in a second."""
_FORGOTTEN_S = KEPT_S + 60
_MOST_UNTOLD = 60
"""Seconds that wait while Redis is away. Then the oldest are given up: they are shown as unknown."""


class Counts(msgspec.Struct, array_like=True):
    """Settled attempts of one second."""

    ended: dict[str, int] = {}
    """`outcome`, or `outcome/error class` -> attempts."""
    latencies: dict[int, int] = {}
    """Bucket between EDGES_MS -> answers."""

    def add(self, more: Counts) -> None:
        """Add those of another process, run or page."""
        for name, count in more.ended.items():
            self.ended[name] = self.ended.get(name, 0) + count
        for bucket, count in more.latencies.items():
            self.latencies[bucket] = self.latencies.get(bucket, 0) + count

    @property
    def attempts(self) -> int:
        """How many there are."""
        return sum(self.ended.values())


class Parts(msgspec.Struct, array_like=True):
    """The same second by page and by run. Of those that are not named nothing is known if there are `more`."""

    pages: dict[str, Counts]
    runs: dict[str, Counts]
    more_pages: bool
    more_runs: bool


class Second(msgspec.Struct, frozen=True):
    """What one process tells of one second."""

    at_s: int
    writer: str
    counts: bytes
    parts: bytes | None
    """None: nothing was settled."""


_encode = msgspec.msgpack.Encoder().encode
decode_counts = msgspec.msgpack.Decoder(Counts).decode
decode_parts = msgspec.msgpack.Decoder(Parts).decode
Command = tuple[str | bytes | int, ...]


def counts_key(at_s: int) -> str:
    """Return the hash that holds the Counts of this second, by process."""
    return key(f"second:{at_s}")


def parts_key(at_s: int) -> str:
    """Return the hash that holds its Parts, by process."""
    return key(f"second:{at_s}:parts")


def commands(second: Second) -> list[Command]:
    """Return what writes it. May be repeated."""
    name, parts = counts_key(second.at_s), parts_key(second.at_s)
    found: list[Command] = [("HSET", name, second.writer, second.counts), ("EXPIRE", name, _FORGOTTEN_S)]
    if second.parts is not None:
        found += [("HSET", parts, second.writer, second.parts), ("EXPIRE", parts, _FORGOTTEN_S)]
    return found


class Seconds:
    """Counts what this process settles, and keeps each second until it is told.

    `now_us`: Redis's clock, so that the seconds of all processes are the same. Where it goes back, the process takes
    another name: it never writes over what it has told.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._writer = _name()
        self._at_s: int | None = None
        self._open: dict[tuple[str, str], Counts] = {}
        self._untold: list[Second] = []

    def count(self, run_id: str, page_id: str, outcome: str, error_class: str, latency_ms: float | None) -> None:
        """Count one settled attempt."""
        self._turn()
        counts = self._open.get((run_id, page_id))
        if counts is None:
            counts = self._open[run_id, page_id] = Counts({}, {})
        ended = f"{outcome}/{error_class}" if error_class else outcome
        counts.ended[ended] = counts.ended.get(ended, 0) + 1
        if latency_ms is not None:
            bucket = bisect_right(EDGES_MS, latency_ms)
            counts.latencies[bucket] = counts.latencies.get(bucket, 0) + 1

    def untold(self, *, at_the_end: bool = False) -> Sequence[Second]:
        """Return the seconds that are over and not told yet; at the end also the one that is not over."""
        self._turn()
        if at_the_end:
            self._close(self._at_s or 0)
            self._writer, self._at_s = _name(), None
        return tuple(self._untold)

    def told(self, seconds: Sequence[Second]) -> None:
        """Forget these: Redis has them."""
        self._untold = [second for second in self._untold if second not in seconds]

    def _turn(self) -> None:
        now_s = self._now_us() // 1_000_000
        if self._at_s is None:
            self._at_s = now_s
        if now_s == self._at_s:
            return
        if now_s < self._at_s:
            self._close(self._at_s)
            self._writer = _name()
        else:
            for at_s in range(max(self._at_s, now_s - _MOST_UNTOLD), now_s):
                self._close(at_s)
        self._at_s = now_s

    def _close(self, at_s: int) -> None:
        opened, self._open = self._open, {}
        total, pages, runs = Counts({}, {}), dict[str, Counts](), dict[str, Counts]()
        for (run_id, page_id), counts in opened.items():
            total.add(counts)
            pages.setdefault(page_id, Counts({}, {})).add(counts)
            runs.setdefault(run_id, Counts({}, {})).add(counts)
        parts = Parts(_busiest(pages), _busiest(runs), len(pages) > BUSIEST, len(runs) > BUSIEST)
        self._untold.append(Second(at_s, self._writer, _encode(total), _encode(parts) if opened else None))
        del self._untold[:-_MOST_UNTOLD]


def _busiest(counts: dict[str, Counts]) -> dict[str, Counts]:
    if len(counts) <= BUSIEST:
        return counts
    return dict(nlargest(BUSIEST, counts.items(), key=lambda item: item[1].attempts))


def _name() -> str:
    return uuid4().hex[:12]
