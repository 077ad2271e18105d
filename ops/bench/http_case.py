"""One measurement of `newar bench http`, the program of a process of its own: one client under one load."""

from __future__ import annotations

import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import trio

from ops.bench.clients import Client, Send, open_client
from ops.bench.percentiles import Percentiles
from ops.bench.processes import cpu_us_each, megabytes, usage_by_role
from ops.shell.collector import spare_the_collector


@dataclass(frozen=True, kw_only=True)
class HttpCase:
    """One client under one load."""

    client: Client
    tasks: int
    tls: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """What this process is to measure."""

    case: HttpCase
    url: str
    ca_file: str | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class HttpFigures:
    """What one round of one case showed."""

    requests_per_s: float
    cpu_us: dict[str, float]
    """CPU time for each request: of the client's process and of the stand-in."""
    rss_mb: dict[str, float]
    time: Percentiles
    """From before the request to behind its answer, as a task sees it."""


@dataclass
class _Window:
    """The span of time in which answers count."""

    begins_at: float
    ends_at: float
    times_s: list[float] = field(default_factory=list)


def main() -> None:
    """Measure what the argument says, print the figures as JSON and end at once.

    Ending in order takes httpx minutes with 2000 requests under way: each one cancelled searches all the others.
    """
    spare_the_collector()
    trio.run(_measure_and_end, msgspec.json.decode(sys.argv[1], type=Task))


async def _measure_and_end(task: Task) -> None:
    case, ca_file = task.case, Path(task.ca_file) if task.ca_file else None
    async with open_client(case.client, task.url, ca_file, case.tasks) as connect, AsyncExitStack() as stack:
        sends = [await connect(stack) for _ in range(case.tasks)]
        begins_at = trio.current_time() + 1.0 + case.tasks / 1000
        window = _Window(begins_at, begins_at + task.seconds)
        async with trio.open_nursery() as nursery:
            for send in sends:
                nursery.start_soon(_send_on, send, window)
            figures = await _watch(window)
            os.write(sys.stdout.fileno(), msgspec.json.encode(figures))
            os._exit(0)


async def _watch(window: _Window) -> HttpFigures:
    await trio.sleep_until(window.begins_at)
    before = usage_by_role(os.getppid())
    await trio.sleep_until(window.ends_at)
    after = usage_by_role(os.getppid())
    seconds = window.ends_at - window.begins_at
    return HttpFigures(
        requests_per_s=round(len(window.times_s) / seconds, 1),
        cpu_us=cpu_us_each(before, after, max(1, len(window.times_s))),
        rss_mb=megabytes(after),
        time=Percentiles.of(window.times_s),
    )


async def _send_on(send: Send, window: _Window) -> None:
    while True:
        started_at = trio.current_time()
        await send()
        ended_at = trio.current_time()
        if window.begins_at <= ended_at < window.ends_at:
            window.times_s.append(ended_at - started_at)


if __name__ == "__main__":
    main()
