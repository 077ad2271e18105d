"""All that sends, in one process: servers, a stand-in Graph API, run processor, sender and ingest.

Prints their addresses as JSON, then obeys lines: `stop postgres`, `start postgres`; each is answered by `done`. It ends
when its standard input does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import trio

from ingest.app import serve as serve_ingest
from ingest.settings import IngestSettings
from ops.fakegraph.child_process import open_fakegraph
from ops.local.servers import open_servers
from schema.migrate import migrate
from schema.runtime.asyncio_door import aio, open_asyncio
from schema.runtime.logging import configure_logging
from schema.runtime.stop import Stop
from sender.app import serve as serve_sender
from sender.runs.app import serve as serve_runs
from sender.runs.settings import RunsSettings
from sender.settings import SenderSettings
from tests.faults.servers import open_server
from tests.integration.runs.by_hand.world import made

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_SERVICES: tuple[tuple[Any, Any], ...] = (
    (serve_ingest, IngestSettings),
    (serve_sender, SenderSettings),
    (serve_runs, RunsSettings),
)


async def main(folder: Path) -> None:
    async with (
        open_asyncio(),
        open_servers(folder, {"redis", "kafka"}, durable=False) as local,
        open_server(folder, "postgres") as postgres,
        open_fakegraph() as graph_url,
    ):
        values = {
            "redis_url": local.redis_url,
            "kafka_bootstrap_servers": local.kafka_bootstrap,
            "log_database_url": postgres.address,
            "token_encryption_key": KEY,
        }
        await aio(migrate, postgres.address)
        quick = {
            "poll_interval_ms": 100,
            "worker_concurrency": 10,
            "log_batch_interval_ms": 50,
            "log_partitions_ahead": 1,
            "outbox_trim": "committed",
        }
        async with trio.open_nursery() as nursery:
            stop = Stop(drain_s=5)
            for serve, kind in _SERVICES:
                await nursery.start(serve, made(kind, {**values, "graph_api_url": graph_url, **quick}), stop)
            print(json.dumps({**values, "graph_url": graph_url}), flush=True)
            async for line in _lines():
                if line == "stop postgres":
                    postgres.kill()
                else:
                    await postgres.start()
                print("done", flush=True)
            nursery.cancel_scope.cancel()


async def _lines() -> Any:
    while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line.strip()


configure_logging("everything")
trio.run(main, Path(sys.argv[1]))
