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
    first one, and what was answered is settled in a time of its own. A third signal gives that up too.
    """

    def __init__(self, drain_s: float) -> None:
        self.drain_s = drain_s
        self.requested = trio.Event()
        self.cut_short = trio.Event()
        self.given_up = trio.Event()
        self.ends_at = math.inf

    def request(self) -> None:
        """Ask for a soft stop; a second request cuts the drain short, a third gives up what is left."""
        if self.cut_short.is_set():
            self.given_up.set()
        elif self.requested.is_set():
            self.cut_short.set()
        else:
            self.ends_at = trio.current_time() + self.drain_s
            self.requested.set()

    def cut(self) -> None:
        """Stop, and cut the drain short."""
        while not self.cut_short.is_set():
            self.request()

    def give_up(self) -> None:
        """Stop at once, whatever is left."""
        while not self.given_up.is_set():
            self.request()

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
                    self.cut()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait_for_cancellation)
            try:
                with trio.CancelScope(shield=True):
                    await service()
            finally:
                ended = True
            nursery.cancel_scope.cancel()

    async def at_last(self, task: Callable[[], Awaitable[None]], ends_at: float) -> bool:
        """Do a last thing, however this task was cancelled, until a moment of Trio's clock; False: it did not end."""
        with trio.CancelScope(deadline=ends_at, shield=True) as limit:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._cancel_when_given_up, limit)
                await task()
                nursery.cancel_scope.cancel()
        return not limit.cancelled_caught

    async def _cancel_when_given_up(self, scope: trio.CancelScope) -> None:
        await self.given_up.wait()
        scope.cancel()

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
