"""What this process holds: jobs claimed and not yet settled, and the lease under which it holds them."""

from __future__ import annotations

import time
from collections.abc import Iterable

import trio

TOLERANCE_MS = 300_000
"""How far two clocks may be apart: as in lib/two_clocks.lua."""


class HeldJobs:
    """The jobs of one session, and until when (Trio's clock) they are certainly ours."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._here: set[bytes] = set()
        self._leaving: dict[bytes, int] = {}
        """Settlements under way. A job given back may be ours again before the answer to its settlement is here."""
        self.fewer = trio.Event()
        """Set when a job has left; whoever waits for that puts a new one here."""
        self._valid_until = -1.0
        self._clock_offset_us = 0

    def __len__(self) -> int:
        return len(self._here) + len(self._leaving)

    def __contains__(self, job: bytes) -> bool:
        return job in self._here or job in self._leaving

    def take(self, jobs: Iterable[bytes]) -> set[bytes]:
        """Note jobs as held; return those that were here already: a task has them, and they need no second one."""
        jobs = list(jobs)
        twice = self._here.intersection(jobs)
        self._here.update(jobs)
        return twice

    def drop(self, job: bytes) -> None:
        """Note that a job was not ours any more."""
        self._here.discard(job)

    def leave(self, job: bytes) -> None:
        """Note that a job's settlement is under way."""
        self._here.discard(job)
        self._leaving[job] = self._leaving.get(job, 0) + 1

    def left(self, job: bytes) -> None:
        """Note that a settlement was answered."""
        others = self._leaving.pop(job, 0) - 1
        if others > 0:
            self._leaving[job] = others
        self.fewer.set()

    def renewed(self, asked_at: float, redis_now_us: int) -> None:
        """Note a renewal that was sent at `asked_at` (Trio's clock)."""
        self._valid_until = asked_at + self.lease_s
        self._clock_offset_us = redis_now_us - round(asked_at * 1e6)

    def lost(self) -> None:
        """Note that the session is gone, with everything it held."""
        self._here.clear()
        self._leaving.clear()
        self._valid_until = -1.0

    @property
    def certain(self) -> bool:
        """Whether nobody else can have taken our jobs yet."""
        return trio.current_time() < self._valid_until

    def redis_now_us(self) -> int:
        """Return Redis's clock in us since 1970, as far as the last renewal tells."""
        return round(trio.current_time() * 1e6) + self._clock_offset_us

    def no_later_than_ms(self) -> int:
        """Return the time in ms that Redis's clock and ours both have reached, give or take the tolerance.

        What cannot be undone follows this one: a clock that ran ahead must not tell that somebody's window is over.
        """
        return min(self.redis_now_us() // 1000, time.time_ns() // 1_000_000 + TOLERANCE_MS)

    def no_earlier_than_ms(self) -> int:
        """Return the time in ms that neither of the two clocks has passed: what is later has not been yet."""
        return max(self.redis_now_us(), time.time_ns() // 1000) // 1000
