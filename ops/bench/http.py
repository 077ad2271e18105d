"""`newar bench http`: our pool beside httpx's own and bare streams, against the stand-in in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import trio

from ops.bench.clients import CLIENTS, Client, Send, open_client
from ops.bench.percentiles import Percentiles
from ops.bench.processes import cpu_per_message_us, megabytes, usage_by_role
from ops.bench.rounds import paired
from ops.fakegraph.process import open_fakegraph


@dataclass(frozen=True, kw_only=True)
class HttpCase:
    """One client under one load."""

    client: Client
    tasks: int
    tls: bool = False


@dataclass(frozen=True, kw_only=True)
class HttpOptions:
    """Which clients under which loads, and how long."""

    clients: tuple[Client, ...] = CLIENTS
    tasks: tuple[int, ...] = (1, 20, 100, 500, 2000)
    tls: tuple[bool, ...] = (False, True)
    seconds: float = 2.0
    """Of each measurement, behind a warm-up of a second and 1 ms for each task."""
    rounds: int = 3

    @property
    def cases(self) -> list[HttpCase]:
        """Every client under every load; those to be compared stand together."""
        return [
            HttpCase(client=client, tasks=tasks, tls=tls)
            for tls, tasks, client in product(self.tls, self.tasks, self.clients)
        ]


@dataclass(frozen=True, kw_only=True)
class HttpFigures:
    """What one round of one case showed."""

    requests_per_s: float
    cpu_us: dict[str, float]
    """CPU time for each request: of the client (`bench`) and of the stand-in."""
    rss_mb: dict[str, float]
    time: Percentiles
    """From before the request to behind its answer, as a task sees it."""


@dataclass
class _Window:
    """The span of time in which answers count."""

    begins_at: float
    ends_at: float
    times_s: list[float] = field(default_factory=list)


async def bench_http(options: HttpOptions) -> list[list[HttpFigures]]:
    """Return the figures of each case in `options.cases`, one for each round."""
    async with _stand_ins() as (urls, ca_file):
        return await paired(
            options.cases,
            options.rounds,
            lambda case: _measure(case, urls[case.tls], ca_file if case.tls else None, options.seconds),
        )


@asynccontextmanager
async def _stand_ins() -> AsyncIterator[tuple[dict[bool, str], Path]]:
    """Yield the addresses of a stand-in without TLS and one with it, and the file that its certificate must match."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_fakegraph() as plain, open_fakegraph("--tls-self-signed", folder) as secure:
            yield {False: plain, True: secure}, Path(folder) / "ca.pem"


async def _measure(case: HttpCase, url: str, ca_file: Path | None, seconds: float) -> HttpFigures:
    async with open_client(case.client, url, ca_file, case.tasks) as connect, AsyncExitStack() as stack:
        begins_at = trio.current_time() + 1.0 + case.tasks / 1000
        window = _Window(begins_at, begins_at + seconds)
        async with trio.open_nursery() as nursery:
            for _ in range(case.tasks):
                nursery.start_soon(_send_on, await connect(stack), window)
            await trio.sleep_until(window.begins_at)
            before = usage_by_role()
            await trio.sleep_until(window.ends_at)
            after = usage_by_role()
            nursery.cancel_scope.cancel()
    requests = max(1, len(window.times_s))
    return HttpFigures(
        requests_per_s=round(len(window.times_s) / seconds, 1),
        cpu_us=cpu_per_message_us(before, after, requests),
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
