"""Graphs in a real browser: drawn, followed, read by keys and as a table, whatever a text holds."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from schema.seconds import Seconds, commands
from tests.patience import patience_s

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="the browser tests need chromium: apt-get install chromium")

HOSTILE = "<img src=x onerror=\"document.title = 'broken'\">"


@pytest.fixture(scope="module", autouse=True)
def plain_asyncio() -> Iterator[None]:
    """Give Playwright a plain event loop: trio-asyncio, once imported by another test, makes loops of its own kind."""
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data: Path = tmp_path_factory.mktemp("servers")
    command = [sys.executable, "-m", "ops.local", "--data", str(data), "--only", "redis", "--not-durable"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        yield json.loads(server.stdout.readline())["redis_url"]
        server.stdin.close()
        server.wait()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def page(redis_url: str, redis: Redis) -> Iterator[Any]:
    """The start page; what the browser's console complains of is an error."""
    tell(redis, ago_s=20, sent=12, failed=3)
    complaints: list[str] = []
    command = [sys.executable, "-m", "tests.browser.service", redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        url = service.stdout.readline().strip()
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            opened = browser.new_page()
            opened.set_default_timeout(1000 * patience_s())
            opened.on("pageerror", lambda error: complaints.append(str(error)))
            opened.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            opened.goto(f"{url}/admin")
            yield opened
            browser.close()
        service.terminate()
    assert complaints == []


def tell(redis: Redis, *, ago_s: int, sent: int, failed: int) -> None:
    at_s = [int(time.time()) - ago_s]
    seconds = Seconds(lambda: at_s[0] * 1_000_000)
    for outcome, count, error_class in (("sent", sent, ""), ("failed", failed, HOSTILE)):
        for _ in range(count):
            seconds.count("r", "7", outcome, error_class, 100.0)
    at_s[0] += 1
    for command in [one for second in seconds.untold() for one in commands(second)]:
        redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


def expect(locator: Any) -> Any:
    playwright.expect.set_options(timeout=1000 * patience_s())
    return playwright.expect(locator)


def test_a_graph_is_drawn_followed_and_read_in_three_ways(page: Any, redis: Redis) -> None:
    chart = page.locator("#chart-messages")
    expect(chart.locator("canvas")).to_have_count(1)
    expect(chart.locator("[data-series=sent] dd")).to_have_text("12")
    expect(chart.locator(".note")).to_contain_text("12 together")
    tell(redis, ago_s=10, sent=5, failed=0)
    expect(chart.locator("[data-series=sent] dd")).to_have_text("5")
    expect(chart.locator(".note")).to_contain_text("17 together")
    chart.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(chart.locator("tbody tr")).to_have_count(2)
    assert chart.locator("tbody tr").first.locator("td").all_inner_texts() == ["5", "0"]
    chart.locator(".plot").focus()
    page.keyboard.press("Home")
    page.keyboard.press("End")
    page.keyboard.press("Escape")
    expect(chart.locator(".note")).to_contain_text("17 together")


def test_the_time_shown_is_chosen_by_keys_and_a_text_stays_a_text(page: Any) -> None:
    chart = page.locator("#chart-failures")
    chart.scroll_into_view_if_needed()
    chart.get_by_role("button", name="15 minutes").focus()
    page.keyboard.press("Enter")
    expect(chart.get_by_role("button", name="15 minutes")).to_have_attribute("aria-pressed", "true")
    expect(chart.locator("dt")).to_have_text(HOSTILE.replace("_", " "))
    expect(chart.locator("dd")).to_have_text("3")
    assert page.locator("img[src=x]").count() == 0
