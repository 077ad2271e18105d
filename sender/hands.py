"""What this process holds: jobs claimed and not yet settled, and the lease under which it holds them."""

from __future__ import annotations

import trio


class Hands:
    """The jobs of one session, and until when (Trio's clock) they are certainly ours."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self.held: set[bytes] = set()
        self._valid_until = -1.0
        self._clock_offset_us = 0

    def renewed(self, asked_at: float, redis_now_us: int) -> None:
        """Note a renewal that was sent at `asked_at` (Trio's clock)."""
        self._valid_until = asked_at + self.lease_s
        self._clock_offset_us = redis_now_us - round(asked_at * 1e6)

    def lost(self) -> None:
        """Note that the session is gone, with everything it held."""
        self.held.clear()
        self._valid_until = -1.0

    @property
    def certain(self) -> bool:
        """Whether nobody else can have taken our jobs yet."""
        return trio.current_time() < self._valid_until

    def redis_now_us(self) -> int:
        """Return Redis's clock in us since 1970, as far as the last renewal tells."""
        return round(trio.current_time() * 1e6) + self._clock_offset_us
