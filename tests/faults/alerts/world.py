"""What is watched, and how to break it: `newar up` under load, its servers, the Graph API, the platform's webhook."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import redis
import trio
from aiokafka import AIOKafkaProducer
from dotenv import dotenv_values

from ops.fakegraph.child_process import open_fakegraph
from schema.runtime.asyncio_door import aio
from tests.faults.alerts.prometheus import Prometheus
from tests.faults.test_up_killed import FAST, Up
from tests.guarded import Guarded
from tests.integration.local.processes import PROGRAMS
from tests.integration.runs.webhooks.platform import SECRET, Platform, open_platform
from tests.integration.up.processes import environment, name_of
from tests.patience import patience_s
from tests.ports import free_port

RATE = 150
"""Messages per second that are sent all the time."""
TOPIC = "newar-log-of-alerts"
_SHORT = {"SEND_TIMEOUT_MS": "1000", "SEND_TIMEOUT_MEDIA_MS": "1000"}
_SETTINGS = {"KAFKA_TOPIC": TOPIC, "RATE_LIMIT_PER_PAGE": str(RATE), "DRAIN_TIMEOUT_MS": "1000", **_SHORT}


class World:
    """Short ways to break things, and to wait for alerts. Looking blocks: all is local."""

    def __init__(self, folder: Path, graph_url: str, platform: Platform) -> None:
        self._folder = folder
        self.platform = platform
        self._graph_url = graph_url
        port = free_port()
        self._settings = {
            **_SETTINGS,
            "API_PORT": str(port),
            "RUN_WEBHOOK_URL": platform.url,
            "RUN_WEBHOOK_SECRET": SECRET,
        }
        self.data = folder / ".newar"
        self.up = Up(folder, graph_url, **self._settings)
        token = FAST["ADMIN_TOKEN"]
        self.prometheus = Prometheus(folder / "prometheus", f"127.0.0.1:{port}", token)
        self._api = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=patience_s()
        )
        self._services: list[Guarded] = []
        self.fired: dict[str, float] = {}
        """Alert -> when it was last seen to fire, s since the beginning."""
        self._began_at = trio.current_time()

    async def aclose(self) -> None:
        """Kill what still runs."""
        self.prometheus.process.kill()
        for service in self._services:
            service.kill()
        self.up.kill(with_its_servers=True)
        await self._api.aclose()

    @property
    def at(self) -> float:
        """Seconds since the beginning."""
        return trio.current_time() - self._began_at

    # Alerts

    async def fires(self, *alerts: str) -> None:
        """Wait until each of these fires, one after the other."""
        for alert in alerts:
            await self.until(lambda alert=alert: alert in self._firing(), f"{alert} to fire")  # type: ignore[misc]

    async def quiet(self, alerts: Iterable[str]) -> None:
        """Wait until none of these fires."""
        await self.until(lambda: not self._firing() & set(alerts), f"{alerts} to clear")

    def _firing(self) -> set[str]:
        firing = {alert["labels"]["alertname"] for alert in self.prometheus.firing()}
        self.fired.update(dict.fromkeys(firing, self.at))
        return firing

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something in other processes."""
        with trio.move_on_after(patience_s()):
            while not _holds(condition):
                assert not self.up.failed, f"{what}: newar up ended by itself\n{self._last_lines()}"
                await trio.sleep(0.1)
            return
        raise AssertionError(f"{what}: not in time\n{self.prometheus.alerts()}\n{self._last_lines()}")

    def _last_lines(self) -> str:
        logs = [self._folder / "up.log", *(service.log for service in self._services), self.prometheus.process.log]
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs if log.exists())

    # What is there

    def addresses(self) -> dict[str, str]:
        """Return the settings that `newar up` has made."""
        made = dotenv_values(self.data / "up.env")
        return {name: value for name, value in made.items() if value is not None}

    def redis(self) -> redis.Redis:
        """Return a connection to its Redis."""
        return redis.Redis.from_url(self.addresses()["REDIS_URL"])

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask, or change, its log database."""
        with psycopg.connect(self.up.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def server(self, name: str) -> psutil.Process:
        """Return the process of one of its servers."""
        below = [child for guard in self.up.children() for child in _children(guard)]
        [server] = [process for process in below if name_of(process) == PROGRAMS[name]]
        return server

    async def counted(self, metric: str) -> float:
        """Return a counter as the HTTP service has it now, of all processes."""
        lines = (await self._api.get("/metrics")).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(metric + "{"))

    async def until_counted(self, metric: str, than: float) -> None:
        """Wait until a counter is above this."""
        with trio.move_on_after(patience_s()):
            while await self.counted(metric) <= than:
                await trio.sleep(0.1)
            return
        raise AssertionError(f"{metric} did not come above {than}\n{self._last_lines()}")

    # What is done

    async def act(self, path: str, *, patiently: bool = False) -> None:
        """Do something over HTTP; `patiently`: again and again, while it comes too early."""
        with trio.fail_after(patience_s()):
            while (answer := await self._api.post(f"/api/v1/{path}")).status_code == HTTPStatus.CONFLICT and patiently:
                await trio.sleep(0.5)
        assert answer.is_success, answer.text

    async def produce(self, value: bytes) -> None:
        """Put something on the log's topic."""

        async def send() -> None:
            servers = self.addresses()["KAFKA_BOOTSTRAP_SERVERS"]
            async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
                await producer.send_and_wait(TOPIC, value)

        await aio(send)

    async def graph(self, **change: object) -> None:
        """Change the stand-in Graph API."""
        async with httpx.AsyncClient(timeout=patience_s()) as client:
            (await client.post(f"{self._graph_url}/__control", json=change)).raise_for_status()

    def submit(self, run_id: str, people: Iterable[str], *, page: str, message: str = '{"text": "Hi"}') -> None:
        """Leave a run to the run processor."""
        with psycopg.connect(self.up.database_url) as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO submitted_runs (run_id, page_id, page_access_token, message) VALUES (%s, %s, 'token', %s)",
                (run_id, page, message),
            )
            with cursor.copy("COPY submitted_recipients (run_id, recipient_id) FROM STDIN") as copy:
                for person in people:
                    copy.write_row((run_id, person))

    def start(self, service: str) -> Guarded:
        """Start another process of a service beside `newar up`."""
        settings = environment(**{"GRAPH_API_URL": self._graph_url, **FAST, **self._settings, **self.addresses()})
        assignments = [f"{name}={value}" for name, value in settings.items()]
        log = self._folder / f"{service}-{len(self._services)}.log"
        command = ["/usr/bin/env", *assignments, sys.executable, "-m", "ops", service]
        self._services.append(Guarded(command, self._folder, log))
        return self._services[-1]


def people(count: int, first: int) -> list[str]:
    """Return so many recipients."""
    return [str(first + number) for number in range(count)]


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (redis.ConnectionError, psycopg.OperationalError, httpx.TransportError):
        return False


def _children(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return list(process.children())
    return []


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Start everything."""
    with open_platform() as platform:
        async with open_fakegraph("--latency-ms", "40") as graph_url:
            world = World(folder, graph_url, platform)
            try:
                await world.up.start()
                yield world
            finally:
                await world.aclose()
