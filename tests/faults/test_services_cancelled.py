"""Ingest, run processor, API and all of `newar up`, cancelled or stopped at any moment, end and leave nothing behind.

The sender by itself is in test_sender_cancelled.py. A failure names its round; NEWAR_FAULT_SEED=… repeats it.
"""

from __future__ import annotations

import gc
import io
import os
import random
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
import trio
from aiokafka import AIOKafkaProducer

from ingest.app import serve as serve_ingest
from ingest.settings import IngestSettings
from ops.api.app import serve as serve_api
from ops.api.settings import ApiSettings
from ops.up.serve_all import serve_all, settings_with, up
from schema.runtime.asyncio_door import aio
from schema.runtime.kafka import prepare_topic
from schema.runtime.stop import Stop
from sender.outbox.kafka_batches import produce
from sender.runs.app import serve as serve_runs
from sender.runs.by_hand.submit import SubmittedRun, submit
from sender.runs.settings import RunsSettings
from sender.sealed_tokens import TokenBox
from tests.faults.test_sender_cancelled import tasks_of_asyncio
from tests.integration.ingest.events import event
from tests.integration.runs.world import KEY
from tests.patience import patience_s
from tests.ports import free_port

SEED = int(os.environ.get("NEWAR_FAULT_SEED", "1"))
ROUNDS = 8
AT_MOST_S = 0.5
"""Long enough for a service to be at work; the first moments have most of what can go wrong."""
UP_ROUNDS = 2
UP_AT_MOST_S = 3.0
"""Long enough for the local servers and all services to start."""
RECIPIENTS = 20_000
EVENTS = 20_000
HOW = ("cancelled", "stopped", "stopped twice")

Service = Callable[[Stop], Awaitable[None]]


class Left:
    """What this process has open: to be no more after a service than it was before."""

    def __init__(self) -> None:
        gc.collect()  # what nobody closed is told of now, and not in another test
        me = psutil.Process()
        self.processes = {child.pid for child in me.children(recursive=True)}
        self.sockets = Counter(f"{s.laddr} {s.raddr} {s.status}" for s in me.net_connections())
        self.files = me.num_fds()
        self.threads = {thread.name for thread in threading.enumerate() if not _is_kept(thread)}

    def more_than(self, before: Left) -> dict[str, object]:
        """Return what there was not before."""
        found: dict[str, object] = {
            "processes": self.processes - before.processes,
            "sockets": self.sockets - before.sockets if self.sockets.total() > before.sockets.total() else None,
            "files": max(0, self.files - before.files),
            "threads": self.threads - before.threads,
        }
        return {kind: what for kind, what in found.items() if what}


def _is_kept(thread: threading.Thread) -> bool:
    """Whether Trio or the asyncio loop keeps it for its next call."""
    return thread.name.startswith(("Trio thread", "asyncio_", "ThreadPoolExecutor"))


async def end_at_some_moment(service: Service, moments: random.Random, at_most_s: float) -> str:
    """Start a service and end it some time later; return how."""
    how, after_s, stop = moments.choice(HOW), moments.random() * at_most_s, Stop(0.5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(service, stop)
        await trio.sleep(after_s)
        for _ in range(HOW.index(how)):
            stop.request()
        if how == "cancelled":
            nursery.cancel_scope.cancel()
    return f"{how} after {after_s:.3f} s"


async def leaves_nothing(service: Service, *, rounds: int = ROUNDS, at_most_s: float = AT_MOST_S) -> None:
    moments = random.Random(SEED)  # noqa: S311
    before: Left | None = None
    for round_ in range(rounds):
        what = await end_at_some_moment(service, moments, at_most_s)
        assert await tasks_of_asyncio() == [], f"round {round_}, {what}"
        before = before or Left()  # the test's own come with the first round
        with trio.move_on_after(patience_s()):  # the loop closes a socket in one of its next turns
            while Left().more_than(before):
                await trio.sleep(0.02)
        assert Left().more_than(before) == {}, f"round {round_}, {what}"


@pytest.fixture
def values(redis_url: str, log_database_url: str, kafka_bootstrap: str) -> dict[str, Any]:
    return {
        "redis_url": redis_url,
        "log_database_url": log_database_url,
        "kafka_bootstrap_servers": kafka_bootstrap,
        "kafka_topic": f"t{uuid4().hex[:8]}",
        "token_encryption_key": KEY,
        "graph_api_url": f"http://127.0.0.1:{free_port()}",
        "api_port": 0,
        "enqueue_chunk": 100,
        "poll_interval_ms": 50,
        "log_partitions_ahead": 1,
        "lease_ms": 1000,
    }


def settings_of(kind: type[Any], values: dict[str, Any]) -> Any:
    return kind(_env_file=None, **{name: value for name, value in values.items() if name in kind.model_fields})


async def submit_run(values: dict[str, Any]) -> None:
    people = io.StringIO("recipient_id\n" + "".join(f"{7_000_000_000 + n}\n" for n in range(RECIPIENTS)))
    run = SubmittedRun(run_id="r", page_id="1", page_access_token="EAAtoken", message={"text": "Hi"})
    await aio(submit, values["log_database_url"], people, run, TokenBox(KEY), "ana")


async def fill_topic(settings: IngestSettings) -> None:
    """Put events into the topic. Asyncio."""
    await prepare_topic(settings)
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        for first in range(0, EVENTS, 1000):
            group = [(b"%d" % (n % 50), event(n)) for n in range(first, first + 1000)]
            await produce(producer, settings.kafka_topic, group)


@pytest.mark.parametrize("kafka_bootstrap", ["kafka"], indirect=True)  # the embedded broker takes 3 s to let one join
async def test_an_ingest_ends_at_any_moment(asyncio_loop: Any, values: dict[str, Any]) -> None:
    settings = settings_of(IngestSettings, values)
    await aio(fill_topic, settings)
    await leaves_nothing(partial(serve_ingest, settings))


async def test_a_run_processor_ends_at_any_moment(asyncio_loop: Any, values: dict[str, Any]) -> None:
    await submit_run(values)
    await leaves_nothing(partial(serve_runs, settings_of(RunsSettings, values)))


async def test_an_api_ends_at_any_moment(asyncio_loop: Any, values: dict[str, Any]) -> None:
    settings = settings_of(ApiSettings, values)

    async def serve_and_ask(stop: Stop) -> None:
        async with trio.open_nursery() as nursery:
            url = await nursery.start(serve_api, settings, stop)
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=patience_s()) as client:
                while not stop.requested.is_set():
                    try:
                        await client.get("/health")
                        await client.get("/api/v1/overview")
                    except httpx.TransportError:
                        assert stop.requested.is_set()

    await leaves_nothing(serve_and_ask)


async def test_all_services_together_end_at_any_moment(asyncio_loop: Any, values: dict[str, Any]) -> None:
    await submit_run(values)
    settings = settings_with(values, env_file=None)
    await leaves_nothing(partial(serve_all, settings), rounds=ROUNDS // 4)


async def test_up_ends_at_any_moment_of_its_start(
    asyncio_loop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_PORT", "0")
    data = tmp_path / "data"

    async def serve(stop: Stop) -> None:
        await up(data, stop, show_token=lambda _: None, terminal=False)

    await leaves_nothing(serve, rounds=UP_ROUNDS, at_most_s=UP_AT_MOST_S)
    assert not (data / "up.env").exists()
    assert [p for p in psutil.process_iter(["cmdline"]) if str(data) in " ".join(p.info["cmdline"] or [])] == []
    stop = Stop(0.5)
    async with trio.open_nursery() as nursery:  # whatever was cut short, the next start goes on with it
        nursery.start_soon(serve, stop)
        with trio.fail_after(patience_s()):
            while not (data / "up.env").exists():  # noqa: ASYNC110 - made by the service
                await trio.sleep(0.05)
        stop.request()
