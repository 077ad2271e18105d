"""The dashboard in a real browser: what a person sees when the queue is busy, empty, or gone."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis import Redis

from schema.keys import key
from tests.patience import patience_s
from tests.unit.api.contents import (
    ingest,
    now_ms,
    process,
    publish,
    sender,
    write_breaker,
    write_failure,
    write_run,
)

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need chromium: apt-get install chromium")

LONG = "a-run-with-a-very-long-name-" * 5
HOSTILE = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">"


class Service(NamedTuple):
    url: str
    process: subprocess.Popen[str]


@pytest.fixture(scope="module", autouse=True)
def plain_asyncio() -> Iterator[None]:
    """Give Playwright a plain event loop: trio-asyncio, once imported by another test, makes loops of its own kind."""
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("servers")
    command = [sys.executable, "-m", "ops.local", "--data", str(data), "--only", "redis", "--not-durable"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield json.loads(server.stdout.readline())["redis_url"]
        server.stdin.close()
        server.wait()


@pytest.fixture
def redis(redis_server: str) -> Iterator[Redis]:
    with Redis.from_url(redis_server) as client:
        client.flushall()
        yield client


@contextmanager
def open_api(redis_url: str) -> Iterator[Service]:
    """Serve in a process of its own: asyncio inside Trio and Playwright's asyncio do not mix."""
    command = [sys.executable, "-m", "tests.browser.service", redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(process.stdout.readline().strip(), process)
        finally:
            process.terminate()
    assert process.returncode == 0


@contextmanager
def open_page(url: str, *, failures_expected: bool = False, **context: Any) -> Iterator[Any]:
    """Open the dashboard in a fresh browser; what its console complains of is an error."""
    complaints: list[str] = []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(**context)
        page.set_default_timeout(1000 * patience_s())
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(f"{url}/admin/queues")
        try:
            yield page
        finally:
            browser.close()
    assert failures_expected or complaints == []


def expect(locator: Any) -> Any:
    playwright.expect.set_options(timeout=1000 * patience_s())
    return playwright.expect(locator)


def publish_now(redis: Redis, rate: float) -> None:
    publish(redis, process("a", sender=sender(rate=rate, busy_tasks=9)), process("b", ingest=ingest(lag_events=12)))


def test_a_busy_queue_is_shown_and_moves(redis: Redis, redis_server: str) -> None:
    write_run(redis, "summer-sale", left=600, recipients=1000, sent=400)
    write_breaker(redis, "7")
    write_failure(redis, "summer-sale")
    with open_api(redis_server) as service, open_page(service.url) as page:
        publish_now(redis, 1234.0)
        expect(page.locator("#live-text")).to_have_text("Live")
        expect(page.locator("[data-value=rate]")).to_have_text("1,234")
        expect(page.locator("[data-value=waiting]")).to_have_text("600")
        row = page.locator("#runs tbody tr", has_text="summer-sale")
        expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "40")
        expect(row.locator("[data-cell=state]")).to_have_text("active")
        expect(page.locator("#breakers tbody th")).to_have_text("7")
        expect(page.locator("#failures tbody tr")).to_contain_text("recipient permanent")
        expect(page.locator("[data-check=redis]")).to_contain_text("ok")
        publish_now(redis, 777.0)
        redis.hset(key("run:summer-sale"), mapping={"left": 100, "sent": 900})
        expect(page.locator("[data-value=rate]")).to_have_text("777")
        expect(row.locator("[role=progressbar]")).to_have_attribute("aria-valuenow", "90")


def test_what_stands_still_says_why(redis: Redis, redis_server: str) -> None:
    brake: dict[str, Any] = {
        "brake_rule": "content-reported",
        "brake_reason": "code 368/1346003",
        "brake_at_ms": 1_800_000_000_000,
    }
    write_run(redis, "reported", left=600, held_by="brake", **brake)
    write_run(redis, "forgotten", left=500, held_by="operator", expires_at_ms=now_ms() + 3_600_000)
    redis.hset(key("app"), mapping={"paused_until_ms": 9_999_999_999_999, "pause_reason": "by hand"})
    with open_api(redis_server) as service, open_page(service.url) as page:
        braked = page.locator("#runs tbody tr", has_text="reported").locator("[data-cell=state]")
        expect(braked).to_have_text("stopped by the brake content-reported")
        expect(braked).to_have_attribute("title", "code 368/1346003; newar run resume or newar run cancel")
        forgotten = page.locator("#runs tbody tr", has_text="forgotten")
        expect(forgotten.locator("[data-cell=eta]")).to_contain_text("expires")
        expect(page.locator("[data-value=breakers-note]")).to_have_text("everything is paused by hand")
        expect(page.locator("[data-check=sending]")).to_have_attribute("data-status", "degraded")
        expect(page.locator("#complaints")).to_contain_text("newar resume --all")


def test_an_empty_queue_says_what_to_do_next(redis: Redis, redis_server: str) -> None:
    with open_api(redis_server) as service, open_page(service.url) as page:
        expect(page.locator("#runs .empty")).to_contain_text("newar run submit")
        expect(page.locator("#processes .empty")).to_contain_text("newar up")
        expect(page.locator("#failures .empty")).to_be_visible()
        expect(page.locator("#complaints")).to_contain_text("newar sender")
        expect(page.locator("#runs table")).to_be_hidden()


def test_whatever_an_id_holds_is_shown_as_text(redis: Redis, redis_server: str) -> None:
    write_run(redis, HOSTILE, page=HOSTILE, left=1)
    write_failure(redis, HOSTILE, HOSTILE, error_message=HOSTILE)
    with open_api(redis_server) as service, open_page(service.url) as page:
        expect(page.locator("#runs [data-cell=run]")).to_have_text(HOSTILE)
        expect(page.locator("#failures [data-cell=message]")).to_contain_text(HOSTILE)
        assert page.title() == "Queues · Newar"
        assert page.locator("td :is(img, script), th :is(img, script)").count() == 0


def test_without_redis_the_page_says_so() -> None:
    with socket.socket() as holder:  # the port is taken and nobody listens
        holder.bind(("127.0.0.1", 0))
        redis_url = f"redis://127.0.0.1:{holder.getsockname()[1]}"
        with open_api(redis_url) as service, open_page(service.url, failures_expected=True) as page:
            expect(page.locator("#banner")).to_contain_text("Redis")
            expect(page.locator("#live-text")).to_have_text("Not live")
            expect(page.locator("[data-check=redis]")).to_have_attribute("data-status", "down")


def test_when_the_service_goes_the_figures_are_marked_old(redis: Redis, redis_server: str) -> None:
    with open_api(redis_server) as service, open_page(service.url, failures_expected=True) as page:
        expect(page.locator("#live-text")).to_have_text("Live")
        service.process.terminate()
        service.process.wait()  # a second signal, at the test's end, would come into its last moments
        expect(page.locator("#live-text")).to_have_text("Not live")
        expect(page.locator("#banner")).to_contain_text("does not answer")
        expect(page.locator("#age")).to_contain_text("old")


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(245, 246, 248)"), ("dark", "rgb(14, 19, 26)")])
def test_it_fits_a_telephone(redis: Redis, redis_server: str, scheme: str, ground: str) -> None:
    write_run(redis, LONG, left=5, recipients=1_234_567, held_by="operator")
    write_failure(redis, LONG, LONG)
    telephone: dict[str, Any] = {"viewport": {"width": 400, "height": 800}, "color_scheme": scheme}
    with open_api(redis_server) as service, open_page(service.url, **telephone) as page:
        expect(page.locator("#runs tbody tr")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 400
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
