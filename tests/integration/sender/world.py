"""A sender between a queue and a fake Graph API."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import trio
from cryptography.fernet import Fernet
from redis.asyncio import Redis

from schema.event import LogEvent
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.run import Run, RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.stop import Stop
from sender.app import serve
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.run_queue import RunFacts, RunQueue
from sender.sealed_tokens import TokenBox
from sender.settings import SenderSettings
from tests.patience import patience_s

FAR_MS = 4_000_000_000_000
KEY = Fernet.generate_key().decode()


class World:
    """A queue, a fake Graph API and settings for a sender between them."""

    def __init__(self, redis: Redis, redis_url: str, kafka_bootstrap: str, graph_url: str) -> None:
        self.redis = redis
        self.runs = RunQueue(redis)
        self.graph_url = graph_url
        self.values: dict[str, Any] = {
            "redis_url": redis_url,
            "kafka_bootstrap_servers": kafka_bootstrap,
            "kafka_topic": f"t{uuid4().hex[:8]}",
            "token_encryption_key": KEY,
            "graph_api_url": graph_url,
            "rate_limit_per_page": 10_000,
            "worker_concurrency": 20,
            "lease_ms": 1000,
            "drain_timeout_ms": 2000,
            "enforce_messaging_window": False,
        }

    async def add(
        self, run_id: str, people: list[str], *, page: str = "100", token: str = "EAAtoken", **more: Any
    ) -> None:
        sealed = TokenBox(SenderSettings(**self.values).token_encryption_key).seal(token)
        await PageQueue(self.redis).set_page(PageFacts(page_id=page, sealed_token=sealed))
        message = more.pop("message", {"text": "hi"})
        variables = more.pop("variables", {})
        run = Run(run_id=run_id, page_id=page, message=message, **{"expires_at_ms": FAR_MS, **more})
        await self.runs.create_run(run)
        records = [encode_record(job_id(run_id, p), Job(p, variables.get(p))) for p in people]
        assert await self.runs.enqueue_chunk(run_id, cursor="", next_cursor="x", records=records, last=True)

    @contextlib.asynccontextmanager
    async def sender(self, **changes: Any) -> AsyncIterator[Stop]:
        settings = SenderSettings(**{**self.values, **changes})
        stop = Stop(settings.drain_timeout_ms / 1000)
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, settings, stop)
            yield stop
            if not stop.requested.is_set():  # a second request would cut the drain short
                stop.request()

    async def finished(self, *run_ids: str) -> dict[str, RunFacts]:
        with trio.fail_after(patience_s()):
            while True:
                facts = await self.runs.facts(list(run_ids))
                if all(f.state is RunState.FINISHED for f in facts.values()):
                    return facts
                await trio.sleep(0.02)

    async def graph(self, path: str) -> Any:
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            return (await client.get(self.graph_url + path)).text

    async def accepted(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in (await self.graph("/__ledger")).splitlines()]

    async def control(self, **change: Any) -> None:
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            (await client.post(f"{self.graph_url}/__control", json=change)).raise_for_status()

    async def failures(self) -> list[LogEvent]:
        entries: Any = await aio(self.redis.xrange, key("failures"))
        return [msgspec.json.decode(fields[b"v"], type=LogEvent) for _, fields in entries]


def people(count: int) -> list[str]:
    return [str(7_000_000_000 + n) for n in range(count)]
