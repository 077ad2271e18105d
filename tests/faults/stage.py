"""A stage for faults: services as processes that can be killed, and what every recipient came to in the end."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
import redis
import trio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from ops.fakegraph.child_process import open_fakegraph
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.outcomes import FINAL_OUTCOMES
from schema.run import Run, RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.sealed_tokens import TokenBox
from tests.guarded import Guarded
from tests.patience import patience_s

PROJECT = Path(__file__).parents[2]
_FAR_MS = 4_000_000_000_000
_MARK_TO_POST_S = 5.0
"""More than any test delays a request behind its mark, and less than any keeps a part away."""


class Stage:
    """Addresses of real servers, service processes between them, and short ways to look. Looking blocks."""

    def __init__(self, folder: Path, **addresses: str) -> None:
        self._folder = folder
        self.processes: list[Guarded] = []
        self._key = Fernet.generate_key().decode()
        self.database_url = addresses["log_database_url"]
        self.graph_url = addresses["graph_api_url"]
        self.redis: Any = redis.Redis.from_url(addresses["redis_url"])
        self.settings: dict[str, Any] = {
            **addresses,
            "token_encryption_key": self._key,
            "kafka_topic": f"t{uuid4().hex}",
            "rate_limit_per_page": 500,  # so that every fault comes before the end
            "worker_concurrency": 20,
            "lease_ms": 1000,
            "outbox_limit": 200,
            "enforce_messaging_window": False,
            "log_batch_interval_ms": 100,
            "log_partitions_ahead": 1,
        }

    async def in_full_swing(self, run_id: str, recipients: int) -> tuple[Guarded, Guarded]:
        """Start a run, a sender and an ingest; return the two when rows come."""
        await self.add_run(run_id, recipients)
        ingest = self.start("ingest")
        await self.until(lambda: "partitions_assigned" in ingest.output(), "an ingest at work")
        sender = self.start("sender")
        await self.until(lambda: self.rows() > 0, "first rows")
        return sender, ingest

    async def complete(self, run_id: str, recipients: int) -> None:
        """Wait for the run's end and all its rows, and check them."""
        await self.until(lambda: self.finished(run_id), "the run's end")
        await self.until(lambda: self.rows() >= recipients, "all rows")
        await self.check(run_id, recipients)

    def start(self, service: str, **changes: object) -> Guarded:
        """Start `newar SERVICE`; it is killed at the end of the stage at the latest."""
        return self.start_of(PROJECT, service, **changes)

    def start_of(self, program: Path, service: str, **changes: object) -> Guarded:
        """Start `newar SERVICE` as it is in this folder."""
        environment = {name.upper(): str(value) for name, value in {**self.settings, **changes}.items()}
        environment["PYTHONPATH"] = str(program)
        env = shutil.which("env")
        assert env is not None
        assignments = [f"{name}={value}" for name, value in environment.items()]
        log = self._folder / f"{service}-{len(self.processes)}.log"
        process = Guarded([env, *assignments, sys.executable, "-m", "ops", service], self._folder, log)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            process.kill()
        self.redis.close()

    async def add_run(self, run_id: str, recipients: int, *, page: str = "100") -> None:
        """Put a run into the queue."""
        client = open_redis(self.settings["redis_url"])
        runs = RunQueue(client)
        await PageQueue(client).set_page(
            PageFacts(page_id=page, sealed_token=TokenBox(SecretStr(self._key)).seal("EAAtoken"))
        )
        await runs.create_run(Run(run_id=run_id, page_id=page, message={"text": "hi"}, expires_at_ms=_FAR_MS))
        people = [str(7_000_000_000 + n) for n in range(recipients)]
        records = [encode_record(job_id(run_id, p), Job(p, None)) for p in people]
        assert await runs.enqueue_chunk(run_id, cursor="", next_cursor="x", records=records, last=True)
        await aio(client.aclose)

    async def graph(self, **change: object) -> None:
        """Change the stand-in Graph API."""
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            (await client.post(f"{self.graph_url}/__control", json=change)).raise_for_status()

    async def until(self, condition: Callable[[], bool], what: str) -> float:
        """Wait for something in other processes; return the seconds that it took."""
        began_at = trio.current_time()
        with trio.move_on_after(patience_s()) as limit:
            while not _holds(condition):  # noqa: ASYNC110 - the change is in another process
                await trio.sleep(0.02)
                died = [p.log.name for p in self.processes if p.failed]
                assert not died, f"{what}: {died} ended by themselves\n{self.last_lines()}"
        assert not limit.cancelled_caught, f"{what}: not in time\n{self.state()}\n{self.last_lines()}"
        return trio.current_time() - began_at

    def last_lines(self) -> str:
        """Return the end of every process's log."""
        return "\n".join(f"--- {p.log.name}, running: {p.running}\n{p.output()[-2500:]}" for p in self.processes)

    def state(self) -> str:
        """Return where the events are."""
        offsets = self.fetch("SELECT cluster_id, partition, next_offset FROM ingest_offsets WHERE next_offset > 0")
        return f"outbox {self.outbox()}, held {self.held()}, rows {self.rows()}, offsets {offsets}"

    def outcomes(self, run_id: str) -> Counter[str]:
        """Return how many attempts ended how, by the queue."""
        fields: Any = self.redis.hgetall(key(f"run:{run_id}"))
        names = {*map(str, FINAL_OUTCOMES), "retrying"}
        return Counter({k.decode(): int(v) for k, v in fields.items() if k.decode() in names})

    def finished(self, run_id: str) -> bool:
        """Whether the queue says that the run has ended."""
        state: bytes | None = self.redis.hget(key(f"run:{run_id}"), "state")
        return state == RunState.FINISHED.encode()

    def outbox(self) -> int:
        """Return how many events wait for the broker."""
        boxes: Any = self.redis.smembers(key("outboxes"))
        return sum(int(self.redis.xlen(key(f"outbox:{box.decode()}"))) for box in boxes)

    def held(self) -> int:
        """Return how many jobs are held by senders."""
        sessions: Any = self.redis.zrange(key("sessions"), 0, -1)
        return sum(int(self.redis.hlen(key(f"held:{s.decode()}"))) for s in sessions)

    def fetch(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read from the log database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def rows(self) -> int:
        """Return how many events are in the log."""
        return int(self.fetch("SELECT count(*) FROM message_logs")[0][0])

    async def check(self, run_id: str, recipients: int) -> None:
        """Compare queue, ledger and log: nobody lost, doubled, or dated by anything but the mark."""
        rows = self.fetch("SELECT recipient_id, event_id, outcome, attempt, sent_at FROM message_logs")
        assert Counter(row[2] for row in rows) == self.outcomes(run_id)
        assert max(Counter(row[1] for row in rows).values()) == 1, "an event is in the log twice, with two dates"
        final = Counter(row[0] for row in rows if row[2] in set(map(str, FINAL_OUTCOMES)))
        assert (len(final), set(final.values())) == (recipients, {1})
        accepted = await self._accepted()
        sent_at = {(row[0], row[3]): row[4] for row in rows}
        assert len(accepted) == len({a["recipient_id"] for a in accepted}), "a message went out twice"
        assert {row[0] for row in rows if row[2] == "sent"} <= {a["recipient_id"] for a in accepted}
        for one in accepted:
            attempt = int(one["metadata"].rpartition(";a=")[2])
            arrived = datetime.fromtimestamp(one["accepted_at_ms"] / 1000, UTC)
            delay_s = (arrived - sent_at[one["recipient_id"], attempt]).total_seconds()
            assert -0.1 < delay_s < _MARK_TO_POST_S, f"dated {delay_s} s before it arrived"

    async def _accepted(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            text = (await client.get(self.graph_url + "/__ledger")).text
        return [msgspec.json.decode(line) for line in text.splitlines()]


def _holds(condition: Callable[[], bool]) -> bool:
    """Whether the condition holds; not while a server that it asks is away."""
    try:
        return condition()
    except (redis.ConnectionError, psycopg.OperationalError):
        return False


@asynccontextmanager
async def open_stage(folder: Path, **addresses: str) -> AsyncIterator[Stage]:
    """Open a stage between these servers, with a stand-in Graph API that answers in 20 ms."""
    async with open_fakegraph("--latency-ms", "20") as graph_url:
        stage = Stage(folder, graph_api_url=graph_url, **addresses)
        try:
            yield stage
        finally:
            stage.close()


def log_lines(process: Guarded, after: int = 0) -> list[dict[str, Any]]:
    """Return a process's log lines behind the first `after`, decoded; a line that is no JSON has only `event`."""
    lines = process.output().splitlines()[after:]
    return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]
