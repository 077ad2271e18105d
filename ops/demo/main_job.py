"""The demo itself: servers, source, stand-in Graph API, services; then the proof."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import trio

from ops.demo.proof import Proof, prove, read_ledger, read_rows
from ops.demo.sample_source import make_source
from ops.fakegraph.child_process import open_fakegraph
from ops.local.servers import open_servers
from ops.up.serve_all import AllSettings, local_values, serve_all, settings_with, token_key
from schema.migrate import migrate
from schema.outcomes import FINAL_OUTCOMES
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from sender.queue.run_queue import RunQueue

ERRORS = (
    "window_closed_2018278=0.01,recipient_unavailable_551=0.01,transient_2_service_unavailable=0.005,html_502=0.001"
)
"""What goes wrong in the demo, so that there is something to see."""
_STUCK_S = 60.0
"""Without a new outcome for so long, the demo gives up and says what it has."""


@dataclass(frozen=True)
class DemoOptions:
    """What to send."""

    messages: int = 10_000
    pages: int = 20
    latency_ms: float = 100.0
    errors: str = ERRORS
    stay: bool = False
    """Keep serving the dashboard afterwards, until a stop is requested."""


@dataclass(frozen=True)
class Progress:
    """How far the demo is: outcomes counted by the queue, and rows in the log."""

    outcomes: dict[str, int]
    rows: int


@dataclass(frozen=True)
class DemoResult:
    """What the demo showed."""

    proof: Proof
    seconds: float
    """From the first poll of the source until the last row."""

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return not self.proof.problems

    def as_dict(self, options: DemoOptions) -> dict[str, Any]:
        """Return what `newar demo --json` prints."""
        return {
            "ok": self.ok,
            "messages": options.messages,
            **self.proof.as_dict(),
            "seconds": round(self.seconds, 2),
            "messages_per_second": round(self.proof.recipients / self.seconds, 1),
        }


async def demo(
    options: DemoOptions, stop: Stop, *, say: Callable[[str], None], progress: Callable[[Progress], None]
) -> DemoResult:
    """Run the main job once, on servers whose data is thrown away afterwards.

    Raises:
        DemoStopped: a stop was requested before the end.
    """
    with tempfile.TemporaryDirectory(prefix="newar-demo-") as folder:
        data = Path(folder)
        say("starting PostgreSQL, Valkey, a Kafka-compatible broker and a stand-in for the Graph API")
        async with (
            open_servers(data, {"postgres", "redis", "kafka"}, durable=False) as local,
            open_fakegraph("--latency-ms", str(options.latency_ms), "--errors", options.errors) as graph_url,
        ):
            assert local.postgres_url is not None  # noqa: S101 - it was wanted
            say(f"filling a source database: {options.messages:,} recipients on {options.pages} pages")
            source_url = await trio.to_thread.run_sync(
                lambda: make_source(str(local.postgres_url), messages=options.messages, pages=options.pages)
            )
            settings = settings_with(
                {
                    **local_values(local),
                    "source_database_url": source_url,
                    "graph_api_url": graph_url,
                    "token_encryption_key": token_key(data),
                    "poll_interval_ms": 500,
                    "rate_limit_per_page": 300,
                    "api_port": 0,
                    "api_host": "127.0.0.1",
                    "admin_token": None,
                    "viewer_token": None,
                },
                env_file=None,
            )
            await aio(migrate, local.postgres_url)
            return await _send_and_prove(options, settings, graph_url, stop, say=say, progress=progress)


class DemoStopped(Exception):
    """The demo was asked to stop before it had finished."""


async def _send_and_prove(
    options: DemoOptions,
    settings: AllSettings,
    graph_url: str,
    stop: Stop,
    *,
    say: Callable[[str], None],
    progress: Callable[[Progress], None],
) -> DemoResult:
    log_url = settings.ingest.log_database_url.get_secret_value()
    async with trio.open_nursery() as nursery:
        started_at = trio.current_time()
        url: str = await nursery.start(serve_all, settings, stop)
        say(f"dashboard: {url}/admin")
        await _wait_for_rows(options, settings, log_url, stop, progress)
        seconds = trio.current_time() - started_at
        rows = await trio.to_thread.run_sync(read_rows, log_url)
        result = DemoResult(prove(rows, await read_ledger(graph_url), recipients=options.messages), seconds)
        if options.stay:
            say(f"finished; the dashboard stays until Ctrl-C: {url}/admin")
            await stop.requested.wait()
        stop.request()
    return result


async def _wait_for_rows(
    options: DemoOptions, settings: AllSettings, log_url: str, stop: Stop, progress: Callable[[Progress], None]
) -> None:
    """Wait until every recipient has a row, or nothing has moved for `_STUCK_S`."""
    redis = open_redis(settings.sender.redis_url.get_secret_value())
    last, moved_at = None, trio.current_time()
    try:
        while True:
            now = Progress(await _outcomes(RunQueue(redis), log_url), await trio.to_thread.run_sync(_rows, log_url))
            progress(now)
            if now.rows >= options.messages or trio.current_time() - moved_at > _STUCK_S:
                return
            if now != last:
                last, moved_at = now, trio.current_time()
            with trio.move_on_after(0.3):
                await stop.requested.wait()
                raise DemoStopped("the demo was stopped before its end; nothing of it is left")
    finally:
        with trio.CancelScope(shield=True):
            await aio(redis.aclose)


async def _outcomes(queue: RunQueue, log_url: str) -> dict[str, int]:
    run_ids = await trio.to_thread.run_sync(_run_ids, log_url)
    facts = (await queue.facts(run_ids)).values() if run_ids else []
    return {o.value: sum(f.outcomes.get(o, 0) for f in facts) for o in FINAL_OUTCOMES}


def _run_ids(log_url: str) -> list[str]:
    with psycopg.connect(log_url) as connection:
        return [run_id for (run_id,) in connection.execute("SELECT run_id FROM runs")]


def _rows(log_url: str) -> int:
    with psycopg.connect(log_url) as connection:
        row = connection.execute("SELECT count(*) FROM message_logs WHERE outcome <> 'retrying'").fetchone()
    return row[0] if row else 0
