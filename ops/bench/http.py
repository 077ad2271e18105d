"""`newar bench http`: our pool beside httpx's own and bare streams, against the stand-in in a process of its own."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import msgspec
import trio

from ops.bench.clients import CLIENTS, Client
from ops.bench.http_case import HttpCase, HttpFigures, Task
from ops.bench.percentiles import Percentiles
from ops.bench.rounds import paired
from ops.bench.stage import environment_of_children
from ops.fakegraph.child_process import open_fakegraph

_PATIENCE_S = 30.0
"""httpx's own pool with 2000 tasks takes minutes for its first answers; it then counts as none per second."""


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


async def bench_http(options: HttpOptions) -> list[list[HttpFigures]]:
    """Return the figures of each case in `options.cases`, one for each round."""
    async with _stand_ins() as (urls, ca_file):
        return await paired(
            options.cases,
            options.rounds,
            lambda case: _in_a_process(
                Task(case=case, url=urls[case.tls], ca_file=str(ca_file) if case.tls else None, seconds=options.seconds)
            ),
        )


@asynccontextmanager
async def _stand_ins() -> AsyncIterator[tuple[dict[bool, str], Path]]:
    """Yield the addresses of a stand-in without TLS and one with it, and the file that its certificate must match."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with open_fakegraph() as plain, open_fakegraph("--tls-self-signed", folder) as secure:
            yield {False: plain, True: secure}, Path(folder) / "ca.pem"


async def _in_a_process(task: Task) -> HttpFigures:
    """Measure in a process of its own, so that memory is that of one client; one that hardly moves is given up."""
    command = [sys.executable, "-m", "ops.bench.http_case", msgspec.json.encode(task).decode()]
    with trio.move_on_after(_PATIENCE_S + 3 * task.seconds):
        done = await trio.run_process(command, env=environment_of_children(), capture_stdout=True)
        return msgspec.json.decode(done.stdout, type=HttpFigures)
    return HttpFigures(requests_per_s=0.0, cpu_us={}, rss_mb={}, time=Percentiles.of([]))
