"""A browser, the service as a process of its own, and real servers behind it: one of each for all tests of a file."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from redis import Redis

from schema.migrate import migrate
from tests.integration.runs.by_hand.world import make_partitions
from tests.patience import patience_s

ADMIN, VIEWER = "an-admin-token-for-tests", "a-viewer-token-for-tests"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Service(NamedTuple):
    url: str
    process: subprocess.Popen[str]


OpenPage = Callable[..., AbstractContextManager[Any]]


@pytest.fixture(scope="module", autouse=True)
def plain_asyncio() -> Iterator[None]:
    """Give Playwright a plain event loop: trio-asyncio, once imported by another test, makes loops of its own kind."""
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    data: Path = tmp_path_factory.mktemp("servers")
    command = [sys.executable, "-m", "ops.local", "--data", str(data), "--not-durable"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdin is not None
        found = json.loads(started.stdout.readline())
        asyncio.run(migrate(found["postgres_url"]))
        asyncio.run(make_partitions(found["postgres_url"]))
        yield found
        started.stdin.close()
        started.wait()


@pytest.fixture
def redis(servers: dict[str, str]) -> Iterator[Redis]:
    with Redis.from_url(servers["redis_url"]) as client:
        client.flushall()
        yield client


@pytest.fixture
def log(servers: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(servers["postgres_url"], autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def service(servers: dict[str, str]) -> Iterator[Service]:
    with serving(redis_url=servers["redis_url"], log_database_url=servers["postgres_url"]) as found:
        yield found


@contextmanager
def serving(**settings: str) -> Iterator[Service]:
    """Serve in a process of its own: asyncio inside Trio and Playwright's asyncio do not mix."""
    given = {"admin_token": ADMIN, "viewer_token": VIEWER, **settings}
    command = [sys.executable, "-m", "tests.browser.service", json.dumps(given)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(process.stdout.readline().strip(), process)
        finally:
            process.terminate()
    assert process.returncode in (0, -signal.SIGKILL), "it ended by itself, or badly"


@pytest.fixture(scope="module")
def browser(plain_asyncio: None) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("the browser tests need chromium: apt-get install chromium")
    playwright.expect.set_options(timeout=1000 * patience_s())
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any) -> OpenPage:
    """Return what opens a page of a service, signed in; what its console complains of is an error."""

    @contextmanager
    def opened(
        service: Service,
        path: str,
        *,
        name: str = "",
        token: str = ADMIN,
        failures_expected: bool = False,
        **context: Any,
    ) -> Iterator[Any]:
        complaints: list[str] = []
        visit = browser.new_context(base_url=service.url, **context)
        visit.set_default_timeout(1000 * patience_s())
        page = visit.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto("/admin/sign-in")
        page.fill("#name", name)
        page.fill("#password", token)
        page.click("button[type=submit]")
        page.goto(path)
        try:
            yield page
        finally:
            visit.close()
        assert failures_expected or complaints == []

    return opened
