"""Stopping in two steps: first take no new work, later cancel what is left."""

from __future__ import annotations

import signal

import structlog
import trio

log = structlog.get_logger()


class Stop:
    """One-way switch. Soft: take no new work. Hard: cancel what is left, `drain_s` later or at a second signal."""

    def __init__(self, drain_s: float) -> None:
        self.drain_s = drain_s
        self.requested = trio.Event()
        self.cut_short = trio.Event()

    def request(self) -> None:
        """Ask for a soft stop; a second request cuts the drain short."""
        if self.requested.is_set():
            self.cut_short.set()
        self.requested.set()

    async def enforce(self, work: trio.CancelScope) -> None:
        """Cancel `work` once the drain time after the request is over, or at the second request."""
        await self.requested.wait()
        with trio.move_on_after(self.drain_s):
            await self.cut_short.wait()
        work.cancel()

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Turn SIGTERM and SIGINT into requests until cancelled. Run it in the outermost nursery."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for number in signals:
                log.info("stop_requested", signal=signal.Signals(number).name, again=self.requested.is_set())
                self.request()
