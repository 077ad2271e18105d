"""A sender with trace points around it: it tells where it is, and stops itself where it was told to. A tests' child.

Each point is a line on standard output, JSON with `trace` (its name), `n` (how often it was reached), `at` (the
machine's monotonic clock, s), `session` and `jobs`. Nothing of this is in the product: its methods are wrapped here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import httpx
import trio

from ops.shell.service import run_service
from schema.runtime.logging import configure_logging
from schema.runtime.settings import load
from schema.runtime.stop import Stop
from sender.app import serve
from sender.graph.http.connection import Connection
from sender.outbox.kafka_batches import produce
from sender.outbox.relay import Relay
from sender.queue.session_queue import SessionQueue
from sender.settings import SenderSettings
from tests.faults import broken_rules

POINTS = ("claimed", "before_mark", "marked", "posted", "answered", "before_settle", "settled", "read", "produced")
"""`read`: events of the outbox were read and not produced; `produced`: acknowledged and not trimmed."""
_HOLD_POLL_S = 0.01
_METADATA = re.compile(rb"j=([0-9a-f]{32});a=(\d+)")


class Trace:
    """Writes the lines; at the chosen moment it freezes the process, or holds back one task."""

    def __init__(self, halt_at: str | None, occurrence: int, *, hold: bool) -> None:
        self._halt_at = (halt_at, occurrence)
        self._hold = hold
        self._reached: Counter[str] = Counter()
        self._go_on = False
        signal.signal(signal.SIGUSR1, self._let_go)

    def line(self, point: str, **facts: object) -> None:
        """Write a line in one piece, so that SIGKILL leaves whole ones."""
        self._reached[point] += 1
        facts = {"trace": point, "n": self._reached[point], "at": time.monotonic(), **facts}
        os.write(1, json.dumps(facts).encode() + b"\n")

    def reach(self, point: str, **facts: object) -> bool:
        """Write a line. Here a process that is to halt does so, until SIGCONT. True: this task is to be held."""
        self.line(point, **facts)
        chosen = (point, self._reached[point]) == self._halt_at
        if chosen and not self._hold:
            self.line("halted")
            os.kill(os.getpid(), signal.SIGSTOP)
        return chosen and self._hold

    async def reach_in_task(self, point: str, **facts: object) -> None:
        """As `reach`; the task is held until SIGUSR1, while the process goes on."""
        if self.reach(point, **facts):
            self.line("halted")
            while not self._go_on:  # noqa: ASYNC110 - set by a signal handler
                await trio.sleep(_HOLD_POLL_S)

    def _let_go(self, *_: object) -> None:
        self._go_on = True


def trace_queue(trace: Trace) -> None:
    """Put the points around the queue's scripts."""
    open_, claim, drain = SessionQueue.open, SessionQueue.claim, SessionQueue.drain
    mark, settle = SessionQueue.mark, SessionQueue.settle

    async def traced_open(self: SessionQueue) -> int:
        now_us = await open_(self)
        trace.line("session", session=self.session)
        return now_us

    async def traced_claim(self: SessionQueue, claim_id: str, want: int) -> Any:
        trace.line("claim")
        answer = await claim(self, claim_id, want)
        if answer.groups:
            await trace.reach_in_task("claimed", session=self.session, jobs=_ids(answer.groups))
        return answer

    async def traced_drain(self: SessionQueue, claim_id: str, want: int) -> Any:
        groups = await drain(self, claim_id, want)
        if groups:
            trace.line("drained", session=self.session, jobs=_ids(groups))
        return groups

    async def traced_mark(self: SessionQueue, jobs: Any, **more: Any) -> Any:
        await trace.reach_in_task("before_mark", jobs=[(job.hex(), attempt) for job, attempt in jobs])
        times = await mark(self, jobs, **more)
        done = [(job.hex(), attempt) for (job, attempt), at_us in zip(jobs, times, strict=True) if at_us is not None]
        await trace.reach_in_task("marked", session=more.get("session", self.session), jobs=done)
        return times

    async def traced_settle(self: SessionQueue, number: int, settlements: Any, **more: Any) -> Any:
        await trace.reach_in_task("before_settle", jobs=[(s.job.hex(), s.outcome) for s in settlements])
        ours, happened = await settle(self, number, settlements, **more)
        done = [(s.job.hex(), s.outcome) for s, our in zip(settlements, ours, strict=True) if our]
        await trace.reach_in_task("settled", session=more.get("session", self.session), jobs=done)
        return ours, happened

    _replace(SessionQueue, "open", traced_open)
    _replace(SessionQueue, "claim", traced_claim)
    _replace(SessionQueue, "drain", traced_drain)
    _replace(SessionQueue, "mark", traced_mark)
    _replace(SessionQueue, "settle", traced_settle)


def trace_requests(trace: Trace) -> None:
    """Put the points around a request: written, and answered."""
    write, send = Connection.write, Connection.send

    async def traced_write(self: Connection, request: bytes, **more: Any) -> None:
        await write(self, request, **more)
        trace.reach("posted", jobs=_attempts(request))

    async def traced_send(self: Connection, request: httpx.Request) -> Any:
        response = await send(self, request)
        trace.reach("answered", jobs=_attempts(request.content))
        return response

    _replace(Connection, "write", traced_write)
    _replace(Connection, "send", traced_send)


def trace_relay(trace: Trace) -> None:
    """Put the points around producing: read from the outbox, and acknowledged by the broker."""
    trim = Relay._trim

    async def traced_produce(*args: Any) -> Any:
        trace.reach("read")
        return await produce(*args)

    async def traced_trim(self: Relay, outbox: Any) -> None:
        if outbox.produced:
            trace.reach("produced")
        await trim(self, outbox)

    patch("sender.outbox.relay.produce", traced_produce).start()
    _replace(Relay, "_trim", traced_trim)


def trace_stop(trace: Trace) -> None:
    """Say when a stop is requested."""
    request = Stop.request

    def traced_request(self: Stop) -> None:
        request(self)
        trace.line("stop")

    _replace(Stop, "request", traced_request)


def shift_clock(seconds: float) -> None:
    """Let this process believe that it is later than it is."""
    now = time.time
    patch("time.time", lambda: now() + seconds).start()


def _replace(owner: type, name: str, by: Callable[..., Any]) -> None:
    patch.object(owner, name, by).start()


def _ids(groups: Any) -> list[str]:
    return [r[:16].hex() for r in itertools.chain.from_iterable(g.records for g in groups)]


def _attempts(request: bytes) -> list[tuple[str, int]]:
    return [(job.decode(), int(attempt)) for job, attempt in _METADATA.findall(request)]


def main() -> None:
    """Run the sender service with settings from the environment, until a signal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--halt-at", choices=POINTS, help="freeze the process here, by SIGSTOP")
    parser.add_argument("--hold-at", choices=POINTS[:3] + POINTS[5:7], help="hold back the task that comes here")
    parser.add_argument("--occurrence", type=int, default=1, help="at which time; %(default)s")
    parser.add_argument("--broken", choices=broken_rules.RULES, help="break this rule")
    parser.add_argument("--clock-ahead-s", type=float, default=0.0)
    options = parser.parse_args()
    if options.clock_ahead_s:
        shift_clock(options.clock_ahead_s)
    trace = Trace(options.halt_at or options.hold_at, options.occurrence, hold=options.halt_at is None)
    for wrap in (trace_queue, trace_requests, trace_relay, trace_stop):
        wrap(trace)
    if options.broken:
        broken_rules.RULES[options.broken]()  # around the points: what is not done is not told either
    configure_logging("sender")
    settings = load(SenderSettings, env_file=None)
    run_service("sender", lambda stop: serve(settings, stop), settings.drain_timeout_ms / 1000)


if __name__ == "__main__":
    main()
