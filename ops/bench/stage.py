"""The stage for whole-path benchmarks: local servers, a stand-in Graph API, service processes, runs to send."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import trio
from pydantic import SecretStr
from redis.asyncio import Redis

from ops.fakegraph.child_process import PROJECT, open_fakegraph
from ops.local.servers import open_servers
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.migrate import migrate
from schema.run import Run
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunQueue
from sender.sealed_tokens import TokenBox

_CHUNK = 5000
POLL_S = 0.05
"""Between two looks: as rarely as the figures allow, because looking takes CPU time from what is measured."""
_STOP_S = 30.0
_HOLDER = "operator"
MESSAGE = {"text": "hello there, this is a message " * 3}
PERSONAL = {"text": "hello {{first_name|you}}, " + "this is a message " * 4}


@dataclass(frozen=True)
class Stage:
    """Where everything is."""

    redis: Redis
    redis_url: str
    kafka_bootstrap: str
    log_database_url: str
    graph_url: str
    token_key: str

    def environment(self, **settings: object) -> dict[str, str]:
        """Return the environment of a service process: this stage's addresses, and settings by field name."""
        addresses = {
            "REDIS_URL": self.redis_url,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap,
            "LOG_DATABASE_URL": self.log_database_url,
            "GRAPH_API_URL": self.graph_url,
            "TOKEN_ENCRYPTION_KEY": self.token_key,
        }
        return environment_of_children() | addresses | {name.upper(): str(value) for name, value in settings.items()}

    async def change_graph(self, **change: float) -> None:
        """Change latency or failures of the stand-in, as its `POST /__control` takes them."""
        async with httpx.AsyncClient() as client:
            (await client.post(f"{self.graph_url}/__control", json=change)).raise_for_status()


def environment_of_children() -> dict[str, str]:
    """Return the environment in which a child finds this program, wherever it was started."""
    return dict(os.environ) | {"PYTHONPATH": str(PROJECT)}


@asynccontextmanager
async def open_stage(data: Path, *, durable: bool) -> AsyncIterator[Stage]:
    """Start servers and stand-in; leaving stops them. Runs inside the asyncio loop's block."""
    async with (
        open_servers(data, {"postgres", "redis", "kafka"}, durable=durable) as local,
        open_fakegraph() as graph_url,
    ):
        await aio(migrate, str(local.postgres_url))
        redis = open_redis(str(local.redis_url))
        try:
            yield Stage(
                redis=redis,
                redis_url=str(local.redis_url),
                kafka_bootstrap=str(local.kafka_bootstrap),
                log_database_url=str(local.postgres_url),
                graph_url=graph_url,
                token_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            )
        finally:
            with trio.CancelScope(shield=True):
                await aio(redis.aclose)


@asynccontextmanager
async def open_service(stage: Stage, name: str, **settings: object) -> AsyncIterator[None]:
    """Run `newar NAME` as a process of its own; leaving stops it softly and waits."""
    command = [sys.executable, "-m", "ops", name]
    process = await trio.lowlevel.open_process(
        command, env=stage.environment(**settings), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        with trio.move_on_after(_STOP_S, shield=True):
            process.send_signal(signal.SIGTERM)
            await process.wait()
        if process.returncode is None:
            process.kill()


async def enqueue_held(stage: Stage, *, messages: int, pages: int, personal: float) -> list[str]:
    """Put runs into the queue, held, so that all can be let go at once; return their ids.

    `personal`: share of the runs whose message has a variable in it, other ones' being the same for everybody.
    """
    sealed = TokenBox(SecretStr(stage.token_key)).seal("EAABbench")
    return await fill_queue(stage.redis, messages=messages, pages=pages, sealed=sealed, held=True, personal=personal)


async def fill_queue(
    redis: Redis, *, messages: int, pages: int, sealed: str, held: bool = False, personal: float = 0.0
) -> list[str]:
    """Put messages into the queue, one run for each page; return the run ids.

    The pages are new: a run beside another one of its page has to wait for everybody's second.
    """
    queue, pages_queue = RunQueue(redis), PageQueue(redis)
    first_page = 10**9 * (1 + secrets.randbelow(10**6))
    expires_at_ms = int(time.time() * 1000) + 24 * 3600 * 1000
    run_ids = []
    for page in range(pages):
        run_id, page_id = f"bench-{secrets.token_hex(4)}", str(first_page + page)
        await pages_queue.set_page(PageFacts(page_id=page_id, sealed_token=sealed))
        varies = page < round(personal * pages)
        message = PERSONAL if varies else MESSAGE
        await queue.create_run(Run(run_id=run_id, page_id=page_id, message=message, expires_at_ms=expires_at_ms))
        if held:
            await queue.hold(run_id, _HOLDER)
        await _fill(queue, run_id, range(page, messages, pages), varies=varies)
        run_ids.append(run_id)
    return run_ids


async def _fill(queue: RunQueue, run_id: str, numbers: range, *, varies: bool) -> None:
    wrote_at_ms = int(time.time() * 1000)
    cursor = ""
    for first in range(0, len(numbers), _CHUNK):
        people = [str(10**15 + n) for n in numbers[first : first + _CHUNK]]
        records = [
            encode_record(job_id(run_id, p), Job(p, {"first_name": f"Ann{p[-5:]}"} if varies else None, wrote_at_ms))
            for p in people
        ]
        last = first + _CHUNK >= len(numbers)
        await queue.enqueue_chunk(run_id, cursor=cursor, next_cursor=people[-1], records=records, last=last)
        cursor = people[-1]


async def wait_for_senders(stage: Stage, count: int) -> None:
    """Return when so many senders have opened a session."""
    while await aio(stage.redis.execute_command, "ZCARD", key("sessions")) != count:
        await trio.sleep(POLL_S)


async def let_go(stage: Stage, run_ids: list[str]) -> None:
    """Let the runs begin."""
    queue = RunQueue(stage.redis)
    for run_id in run_ids:
        await queue.let_go(run_id, _HOLDER)


async def wait_until_finished(stage: Stage, run_ids: list[str]) -> None:
    """Return when every recipient of these runs has a final outcome."""
    finished: set[bytes] = set()
    while not finished.issuperset(run_id.encode() for run_id in run_ids):
        await trio.sleep(POLL_S)
        finished = set(await aio(stage.redis.execute_command, "ZRANGE", key("finished"), 0, -1))


async def outcomes(stage: Stage, run_ids: list[str]) -> dict[str, int]:
    """Return attempts by outcome over these runs: each became one event."""
    total: dict[str, int] = {}
    for facts in (await RunQueue(stage.redis).facts(run_ids)).values():
        for outcome, count in facts.outcomes.items():
            total[outcome] = total.get(outcome, 0) + count
    return total
