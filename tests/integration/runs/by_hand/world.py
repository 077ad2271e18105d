"""Real servers, a stand-in Graph API and the services between them, for runs that go on or begin again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import psycopg
import trio

from ingest.app import serve as serve_ingest
from ingest.days.making import ensure, ensure_days
from ingest.settings import IngestSettings
from ops.acts.not_done import ActRefused
from ops.acts.run_recovery import ROWS_WITHIN_S, recover_run, settled_after_s
from ops.acts.run_retry import retry_run
from ops.acts.settings import RecoverSettings, RetrySettings
from ops.fakegraph.child_process import open_fakegraph
from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from sender.app import serve as serve_sender
from sender.queue.run_queue import RunFacts, RunQueue
from sender.runs.app import serve as serve_runs
from sender.runs.by_hand.recovery import Recovered
from sender.runs.by_hand.retry import Retry, Wish
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings
from tests.integration.runs.world import KEY, World, open_world
from tests.patience import patience_s

_SERVICES: dict[str, tuple[Any, Any]] = {
    "ingest": (serve_ingest, IngestSettings),
    "sender": (serve_sender, SenderSettings),
    "runs": (serve_runs, RunsSettings),
}


class Again:
    """Short ways to start services, to ask for a recovery or a retry, and to look. `db` is the two databases."""

    def __init__(self, db: World, graph_url: str, **addresses: str) -> None:
        self.db = db
        self.graph_url = graph_url
        self.values: dict[str, Any] = {
            **addresses,
            "log_database_url": db.url,
            "source_database_url": db.url,
            "graph_api_url": graph_url,
            "kafka_topic": f"t{uuid4().hex}",
            "token_encryption_key": KEY,
            "poll_interval_ms": 100,
            "enqueue_chunk": 70,
            "rate_limit_per_page": 400,
            "worker_concurrency": 20,
            "max_sockets": 50,
            "lease_ms": 1000,
            "send_timeout_ms": 3000,
            "send_timeout_media_ms": 3000,
            "enforce_messaging_window": False,
            "log_batch_interval_ms": 50,
            "log_partitions_ahead": 1,
        }

    @asynccontextmanager
    async def serving(self, *services: str, **changes: object) -> AsyncIterator[None]:
        """Run these services inside the block, the slowest to start first; stopped softly at its end."""
        values = {**self.values, **changes}
        stop = Stop(patience_s())
        async with trio.open_nursery() as nursery:
            for name in sorted(services, key=list(_SERVICES).index):
                serve, kind = _SERVICES[name]
                await nursery.start(serve, made(kind, values), stop)
            yield
            stop.request()

    async def recover(self, run_id: str, rows_within_s: float = ROWS_WITHIN_S, **changes: object) -> Recovered:
        """Do what `newar run recover` does, as soon as it does not find it too early."""
        settings = made(RecoverSettings, {**self.values, **changes})
        while True:
            try:
                return await recover_run(settings, run_id, "ana@ops-1", within_s=rows_within_s)
            except ActRefused as exc:
                if "try again in" not in str(exc):
                    raise
            await trio.sleep(settled_after_s(settings) / 4)

    async def retry(self, run_id: str, *classes: ErrorClass) -> Retry:
        """Do what `newar run retry` does."""
        wish = Wish(parent_run_id=run_id, run_id=f"{run_id}-again", classes=classes, who="ana@ops-1")
        return await retry_run(made(RetrySettings, self.values), wish)

    async def until(self, condition: Callable[[], bool] | Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for something that the services do."""
        with trio.move_on_after(patience_s()) as limit:
            while True:
                answer = condition()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await trio.sleep(0.02)
        assert not limit.cancelled_caught, f"{what}: not in time"

    async def state(self, run_id: str, *states: str) -> None:
        """Wait until the registry says that the run is in one of these states."""
        await self.until(lambda: self.db.state(run_id) in states, f"{run_id}: {states}")

    async def accepted(self) -> list[str]:
        """Return the recipient of every message that the stand-in accepted, in their order."""
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            text = (await client.get(self.graph_url + "/__ledger")).text
        return [msgspec.json.decode(line)["recipient_id"] for line in text.splitlines()]

    async def accepted_at_least(self, count: int) -> None:
        """Wait for so many messages."""

        async def there() -> bool:
            return len(await self.accepted()) >= count

        await self.until(there, f"{count} messages")

    async def control(self, **change: object) -> None:
        """Change the stand-in."""
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            (await client.post(f"{self.graph_url}/__control", json=change)).raise_for_status()

    def final(self, run_id: str) -> dict[str, list[str]]:
        """Return recipient -> the final outcomes that the log has of it."""
        found: dict[str, list[str]] = {}
        query = "SELECT recipient_id, outcome FROM message_logs WHERE run_id = %s AND outcome <> 'retrying'"
        for recipient_id, outcome in self.db.sql(query, run_id):
            found.setdefault(recipient_id, []).append(outcome)
        return found

    async def adds_up(self, run_id: str, recipients: list[str]) -> Counter[str]:
        """Wait for the end and its rows; everybody has one final outcome, by the log and the registry. Return them."""
        await self.state(run_id, "finished")
        await self.until(lambda: len(self.final(run_id)) >= len(recipients), "all rows")
        final = self.final(run_id)
        assert sorted(final) == sorted(recipients)
        assert {r: o for r, o in final.items() if len(o) > 1} == {}
        assert self.db.sql("SELECT reason FROM message_log_dead_letters") == []
        outcomes = Counter(o for [o] in final.values())
        row = self.db.registered(run_id)
        assert row is not None
        assert row["recipients"] == len(recipients)
        assert Counter({k: v for k, v in row["outcomes"].items() if k != "retrying"}) == outcomes
        return outcomes

    async def facts(self, run_id: str, redis_url: str) -> RunFacts:
        """Return what the queue at this address knows of a run."""
        client = open_redis(redis_url)
        try:
            return (await RunQueue(client).facts([run_id]))[run_id]
        finally:
            await aio(client.aclose)  # noqa: ASYNC102 - asyncio side


def made(kind: Any, values: dict[str, Any]) -> Any:
    """Return settings of this class from those of the values that it knows."""
    return kind(_env_file=None, **{name: value for name, value in values.items() if name in kind.model_fields})


def people(count: int, first: int = 7_000_000_000) -> list[str]:
    """Return so many recipients, in key order."""
    return [str(first + n) for n in range(count)]


@asynccontextmanager
async def open_again(url: str, redis_url: str, kafka_bootstrap: str) -> AsyncIterator[Again]:
    """Open the world with a page 100. Needs the asyncio loop."""
    async with AsyncExitStack() as stack:
        db = await stack.enter_async_context(open_world(url, redis_url))
        db.page()
        graph_url = await stack.enter_async_context(open_fakegraph("--latency-ms", "150"))
        yield Again(db, graph_url, redis_url=redis_url, kafka_bootstrap_servers=kafka_bootstrap)


async def make_partitions(url: str) -> None:
    """Make the log's partitions of yesterday, for what was a few hours ago, to tomorrow."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await ensure(connection, 1)
        await ensure_days(connection, [datetime.now(UTC).date() - timedelta(days=1)])
