"""A world of traced senders: processes to be frozen, killed and continued, and the history of what they did."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from ops.fakegraph.child_process import open_fakegraph
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.outcomes import FINAL_OUTCOMES
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.sealed_tokens import TokenBox
from tests.faults.checker import check
from tests.faults.history import Accepted, History, Row, RunRecord
from tests.faults.report import Figure, figures_of, report
from tests.faults.stage import PROJECT, Stage
from tests.guarded import Guarded
from tests.patience import patience_s

ROWS = "SELECT event_id::text, run_id, recipient_id, attempt, outcome, error_class, http_status FROM message_logs"
_FINAL = frozenset(map(str, FINAL_OUTCOMES))
_FAR_MS = 4_000_000_000_000


class TracedSender:
    """A sender process and the points that it has passed."""

    def __init__(self, process: Guarded) -> None:
        self.process = process
        self.killed = False

    def trace(self, *points: str) -> list[dict[str, Any]]:
        """Return its lines, of these points or all, in order."""
        lines = (json.loads(line) for line in self.process.output().splitlines() if line.startswith('{"trace"'))
        return [line for line in lines if not points or line["trace"] in points]

    def said(self, event: str) -> bool:
        """Whether this event is in its log."""
        return f'"event": "{event}"' in self.process.output()

    @property
    def sessions(self) -> list[str]:
        """Its sessions so far."""
        return [line["session"] for line in self.trace("session")]

    @property
    def halted(self) -> bool:
        """Whether it has stopped itself, or a task, at the chosen point."""
        return bool(self.trace("halted"))

    def pairs(self, *points: str, session: str | None = None) -> list[tuple[str, Any]]:
        """Return (job, attempt or outcome) of what it told at these points."""
        lines = [line for line in self.trace(*points) if session is None or line["session"] == session]
        return [(job, what) for line in lines for job, what in line["jobs"]]

    def told(self, point: str) -> list[tuple[str, tuple[str, Any]]]:
        """Return (session, (job, attempt or outcome)) of what it told at this point."""
        return [(line["session"], (job, what)) for line in self.trace(point) for job, what in line["jobs"]]

    def jobs(self, point: str) -> list[str]:
        """Return the jobs that it told at this point."""
        return [job for line in self.trace(point) for job in line["jobs"]]

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal other than SIGKILL."""
        self.process.signal(number)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.killed = True
        self.process.kill()


class World(Stage):
    """A stage whose senders are traced, and which remembers what it enqueued."""

    def __init__(self, folder: Path, **addresses: str) -> None:
        super().__init__(folder, **addresses)
        self.settings |= {"worker_concurrency": 10, "outbox_limit": 100_000, "drain_timeout_ms": 10_000}
        self.senders: list[TracedSender] = []
        self._enqueued: dict[str, list[str]] = {}
        self._resending: set[str] = set()
        self.client = open_redis(self.settings["redis_url"])
        self.runs = RunQueue(self.client)
        self.pages = PageQueue(self.client)

    async def aclose(self) -> None:
        """Kill what still runs."""
        self.close()
        await aio(self.client.aclose)

    def start_sender(self, *args: str, **changes: object) -> TracedSender:
        """Start a traced sender with these arguments."""
        environment = {name.upper(): str(value) for name, value in {**self.settings, **changes}.items()}
        assignments = [f"{name}={value}" for name, value in {**environment, "PYTHONPATH": str(PROJECT)}.items()]
        program = shutil.which("env")
        assert program is not None
        log = self._folder / f"sender-{len(self.processes)}.log"
        command = [program, *assignments, sys.executable, "-m", "tests.faults.traced_sender", *args]
        process = Guarded(command, self._folder, log)
        self.processes.append(process)
        self.senders.append(TracedSender(process))
        return self.senders[-1]

    async def start_senders(self, *args: list[str], **changes: object) -> list[TracedSender]:
        """Start one with each of these lists of arguments; return when all are ready."""
        started = [self.start_sender(*each, **changes) for each in args]
        await self.until(lambda: all(s.sessions for s in started), "all senders' sessions")
        return started

    async def enqueue(self, run_id: str, recipients: int, *, page: str = "100", **more: Any) -> None:
        """Put a run into the queue."""
        box = TokenBox(SecretStr(self._key))
        await PageQueue(self.client).set_page(PageFacts(page_id=page, sealed_token=box.seal("EAAtoken")))
        run = Run(run_id=run_id, page_id=page, message={"text": "hi"}, **{"expires_at_ms": _FAR_MS, **more})
        await self.runs.create_run(run)
        if run.on_unknown == "resend":
            self._resending.add(run_id)
        people = self._enqueued[run_id] = [str(7_000_000_000 + n) for n in range(recipients)]
        records = [encode_record(job_id(run_id, p), Job(p)) for p in people]
        assert await self.runs.enqueue_chunk(run_id, cursor="", next_cursor="x", records=records, last=True)

    def remember(self, run_id: str, people: list[str]) -> None:
        """Expect this run to reach these people: somebody else enqueues it."""
        self._enqueued[run_id] = people

    async def until_halted(self, sender: TracedSender) -> None:
        """Wait until it has stopped itself."""
        await self.until(lambda: sender.halted, "a sender's halt")

    async def until_taken_over(self, sender: TracedSender) -> float:
        """Wait until a sender's session is gone; return the seconds that it took."""
        session = sender.sessions[-1]
        return await self.until(lambda: self.redis.zscore(key("sessions"), session) is None, "a takeover")

    async def until_ended(self, sender: TracedSender) -> int:
        """Wait until its process has ended; return its status."""
        await self.until(lambda: not sender.process.running, "a sender's end")
        return sender.process.wait()

    def held_by(self, session: str) -> tuple[set[str], set[str]]:
        """Return the jobs that a session holds without and with a mark."""
        held: Any = self.redis.hkeys(key(f"held:{session}"))
        marked: Any = self.redis.hkeys(key(f"marks:{session}"))
        return {job.hex() for job in held} - {job.hex() for job in marked}, {job.hex() for job in marked}

    async def until_done(self) -> float:
        """Wait until all runs have finished and all events are rows; return the seconds that it took."""
        took_s = await self.until(
            lambda: all(self.finished(run_id) for run_id in self._enqueued), "the end of the runs"
        )
        return took_s + await self.until(
            lambda: self.rows() >= sum(self.outcomes(r).total() for r in self._enqueued), "all rows"
        )

    async def verify(self, fault: str, **figures: Figure) -> History:
        """Check the history, report it with these figures and return it, when nothing is wrong."""
        history = await self.history()
        findings = check(history)
        report(fault, **figures_of(history, findings), **figures)
        assert not findings, "\n".join(map(str, findings[:20])) + "\n" + self.last_lines()
        return history

    async def history(self) -> History:
        """Collect what happened."""
        return History(
            enqueued=dict(self._enqueued),
            accepted=await self.accepted(),
            rows=[Row(*row) for row in self.fetch(ROWS)],
            runs={run_id: self.record(run_id) for run_id in self._enqueued},
            resending=set(self._resending),
            marks=[pair for s in self.senders for pair in s.pairs("marked")],
            settlements=[pair for s in self.senders for pair in s.pairs("settled") if pair[1] in _FINAL],
            markers={pair: at for s in self.senders for at, pair in s.told("marked")},
            settlers={
                job: session for s in self.senders for session, (job, what) in s.told("settled") if what in _FINAL
            },
            killed={session for s in self.senders if s.killed for session in s.sessions},
        )

    async def accepted(self) -> list[Accepted]:
        """Return the stand-in Graph API's ledger."""
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            text = (await client.get(self.graph_url + "/__ledger")).text
        return list(_messages(text))

    def record(self, run_id: str) -> RunRecord:
        """Return a run as Redis keeps it now."""
        fields: Any = self.redis.hgetall(key(f"run:{run_id}"))
        values = {name.decode(): value.decode() for name, value in fields.items()}
        return RunRecord(values["state"], int(values["recipients"]), int(values["left"]), self.outcomes(run_id))


@asynccontextmanager
async def open_world(folder: Path, **addresses: str) -> AsyncIterator[World]:
    """Open a world between these servers, with a stand-in Graph API that answers in 40 ms, and an ingest."""
    async with open_fakegraph("--latency-ms", "40") as graph_url:
        world = World(folder, graph_api_url=graph_url, **addresses)
        world.start("ingest")
        try:
            yield world
        finally:
            await world.aclose()


def _messages(ledger: str) -> Iterator[Accepted]:
    for line in ledger.splitlines():
        job, _, attempt = msgspec.json.decode(line)["metadata"].removeprefix("j=").partition(";a=")
        yield Accepted(job, int(attempt))
