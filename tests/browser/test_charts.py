"""Graphs in a real browser: drawn, followed, read by keys and as a table, whatever a text holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from schema.seconds import Seconds, commands
from tests.browser.conftest import OpenPage, Service
from tests.browser.test_looking import expect

HOSTILE = "<img src=x onerror=\"document.title = 'broken'\">"


@pytest.fixture
def page(redis: Redis, service: Service, open_page: OpenPage) -> Iterator[Any]:
    """The start page; what the browser's console complains of is an error."""
    tell(redis, ago_s=20, sent=12, failed=3)
    with open_page(service, "/admin") as opened:
        yield opened


def tell(redis: Redis, *, ago_s: int, sent: int, failed: int) -> None:
    at_s = [int(time.time()) - ago_s]
    seconds = Seconds(lambda: at_s[0] * 1_000_000)
    for outcome, count, error_class in (("sent", sent, ""), ("failed", failed, HOSTILE)):
        for _ in range(count):
            seconds.count("r", "7", outcome, error_class, 100.0)
    at_s[0] += 1
    for command in [one for second in seconds.untold() for one in commands(second)]:
        redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


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
