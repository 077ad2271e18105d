"""`newar bench claim`: what a claim costs Redis, by pages, jobs and active runs; beside another checkout's, too.

`bench queue` is for something else: what a job costs from its claim to its settlement, the caller included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import msgspec
import trio

from ops.bench import claim_case
from ops.bench.claim_case import ClaimRound, ClaimTask
from ops.bench.percentiles import Percentiles
from ops.bench.rounds import paired
from ops.fakegraph.child_process import PROJECT
from ops.local.servers import open_servers


@dataclass(frozen=True, kw_only=True)
class ClaimCase:
    """One queue."""

    program: str
    """Whose queue: `this`, or the folder of another checkout."""
    pages: int
    jobs: int
    two_runs: float
    limit: int


@dataclass(frozen=True, kw_only=True)
class ClaimOptions:
    """Which queues, and how they are claimed from."""

    pages: tuple[int, ...] = (10, 1000, 10_000)
    jobs: tuple[int, ...] = (100_000,)
    two_runs: tuple[float, ...] = (0.0, 0.5)
    limit: tuple[int, ...] = (10_000,)
    want: int = 100
    calls: int = 200
    rounds: int = 5
    against: str | None = None
    """Folder of another checkout, whose claim each case is compared with."""

    @property
    def cases(self) -> list[ClaimCase]:
        """Everything to be measured; behind each case of another checkout its own twin."""
        programs = ["this"] if self.against is None else [self.against, "this"]
        return [
            ClaimCase(program=program, pages=pages, jobs=jobs, two_runs=two_runs, limit=limit)
            for jobs, limit, two_runs, pages, program in product(
                self.jobs, self.limit, self.two_runs, self.pages, programs
            )
        ]

    @property
    def compared_with(self) -> list[int]:
        """For each case the number of the one it is compared with: the other checkout's, or the first."""
        return [i - i % 2 if self.against else 0 for i in range(len(self.cases))]


@dataclass(frozen=True, kw_only=True)
class ClaimFigures:
    """What one round of one case showed."""

    us_a_job: float
    """Time that Redis spent in the claims, for each job that they gave."""
    us_a_call: float
    jobs_a_call: float
    call: Percentiles
    """As the caller sees it."""


async def bench_claim(options: ClaimOptions) -> list[list[ClaimFigures]]:
    """Return the figures of each case, one for each round. Runs inside the asyncio loop's block."""
    with tempfile.TemporaryDirectory(prefix="newar-bench-") as folder:
        async with AsyncExitStack() as stack:
            measured: dict[ClaimCase, _Case] = {}
            for number, case in enumerate(options.cases):
                place = Path(folder) / str(number)
                measured[case] = await stack.enter_async_context(_open_case(place, case, options))
            return await paired(options.cases, options.rounds, lambda case: measured[case].round())


class _Case:
    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._received = b""

    async def line(self) -> bytes:
        """Return the next line that the process writes."""
        assert self._process.stdout is not None  # noqa: S101
        while b"\n" not in self._received:
            part = await self._process.stdout.receive_some()
            if not part:
                raise RuntimeError(f"a benchmark's process ended with exit code {await self._process.wait()}")
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        return line

    async def round(self) -> ClaimFigures:
        """Measure once."""
        assert self._process.stdin is not None  # noqa: S101
        await self._process.stdin.send_all(b"\n")
        found = msgspec.json.decode(await self.line(), type=ClaimRound)
        return ClaimFigures(
            us_a_job=round(found.script_us / max(1, found.jobs), 2),
            us_a_call=round(found.script_us / found.calls, 1),
            jobs_a_call=round(found.jobs / found.calls, 1),
            call=Percentiles.of(found.times_s),
        )


@asynccontextmanager
async def _open_case(place: Path, case: ClaimCase, options: ClaimOptions) -> AsyncIterator[_Case]:
    """Start a Redis and a process that has filled it."""
    async with open_servers(place, {"redis"}, durable=False) as local:
        task = ClaimTask(
            redis_url=str(local.redis_url),
            pages=case.pages,
            two_runs=case.two_runs,
            limit=case.limit,
            jobs=case.jobs,
            want=options.want,
            calls=options.calls,
        )
        # -P: without it the program's folder, in which our http.py lies, would go before Python's own http.
        command = [sys.executable, "-P", claim_case.__file__, msgspec.json.encode(task).decode()]
        program = PROJECT if case.program == "this" else Path(case.program)
        process = await trio.lowlevel.open_process(
            command,
            env=dict(os.environ) | {"PYTHONPATH": str(program)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            measured = _Case(process)
            await measured.line()
            yield measured
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
