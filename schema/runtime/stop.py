"""Stopping in two steps: first take no new work, later cancel what is left."""

from __future__ import annotations

import math
import signal
from collections.abc import Awaitable, Callable

import structlog
import trio

log = structlog.get_logger()


class Stop:
    """One-way switch. Soft: take no new work. Hard: cancel what is left, `drain_s` later or at a second signal.

    What others are answering at a second signal still has until `ends_at` (Trio's clock), which is `drain_s` after the
    first one.
    """

    def __init__(self, drain_s: float) -> None:
        self.drain_s = drain_s
        self.requested = trio.Event()
        self.cut_short = trio.Event()
        self.ends_at = math.inf

    def request(self) -> None:
        """Ask for a soft stop; a second request cuts the drain short."""
        if self.requested.is_set():
            self.cut_short.set()
        else:
            self.ends_at = trio.current_time() + self.drain_s
        self.requested.set()

    async def enforce(self, work: trio.CancelScope) -> None:
        """Cancel `work` once the drain time after the request is over, or at the second request."""
        await self.requested.wait()
        with trio.move_on_at(self.ends_at):
            await self.cut_short.wait()
        work.cancel()

    async def outlast(self, service: Callable[[], Awaitable[None]]) -> None:
        """Run a service that obeys this stop to its end: what cancels it from outside is a stop that is cut short."""
        ended = False

        async def wait_for_cancellation() -> None:
            try:
                await trio.sleep_forever()
            finally:
                if not ended:
                    for _ in range(2):
                        self.request()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_cancellation)
            try:
                with trio.CancelScope(shield=True):
                    await service()
            finally:
                ended = True
            nursery.cancel_scope.cancel()

    async def at_error(self, task: Callable[[], Awaitable[None]]) -> None:
        """Run a task of a service; its error is a stop for the others, so that they end within its drain."""
        try:
            await task()
        except Exception:
            self.request()
            raise

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Turn SIGTERM and SIGINT into requests until cancelled. Run it in the outermost nursery."""
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            async for number in signals:
                log.info("stop_requested", signal=signal.Signals(number).name, again=self.requested.is_set())
                self.request()
