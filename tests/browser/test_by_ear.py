"""What is good to hear and easy to see: each page and question by the rules of axe, wide and narrow, light and dark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import psycopg
import pytest
from redis import Redis

from schema.seconds import Seconds, commands
from tests.browser.conftest import OpenPage, Service
from tests.browser.test_looking import BRAKE, expect, publish_now
from tests.integration.log_figures import count_again
from tests.unit.api.contents import write_breaker, write_failure, write_run

WIDTHS = (1440, 390)
PATHS = (
    "",
    "/runs",
    "/runs/summer",
    "/runs/done",
    "/pages",
    "/pages/7",
    "/people/2",
    "/jobs/done/2",
    "/log",
    "/suppressions",
    "/audit",
    "/users",
    "/submit",
    "/act/all/pause",
    "/act/run/cancel/summer",
    "/act/run/retry/done",
    "/act/run/message/done",
    "/no-such-page",
)
DIALOGS = {
    "/runs/done": "Retry who may be retried",
    "/runs/summer": "Cancel",
    "/pages/7": "Close the breaker",
    "/users": "Remove",
}
"""Where the link is that opens it."""


@pytest.fixture
def world(redis: Redis, log: psycopg.Connection[Any]) -> Iterator[None]:
    """Something of everything that pages show."""
    write_run(redis, "summer", page="7", left=600, recipients=1000, sent=400, held_by="brake", **BRAKE)
    write_breaker(redis, "7")
    write_failure(redis, "summer")
    publish_now(redis, 10.0)
    _seconds(redis)
    log.execute(
        "TRUNCATE message_logs, submitted_runs, submitted_recipients, runs, suppressions, users, api_keys CASCADE"
    )
    log.execute(
        "INSERT INTO runs (run_id, page_id, source, state, recipients, outcomes, message, messaging_type, enqueued_at,"
        " finished_at) VALUES ('done', '7', 'submitted', 'finished', 2, '{\"sent\": 1, \"failed\": 1}',"
        " '{\"text\": \"Hi\"}', 'RESPONSE', now(), now())"
    )
    log.execute(
        "INSERT INTO submitted_runs (run_id, page_id, message, messaging_type, taken)"
        " VALUES ('done', '7', '{\"text\": \"Hi\"}', 'RESPONSE', true)"
    )
    log.execute("INSERT INTO submitted_recipients (run_id, recipient_id) VALUES ('done', '1'), ('done', '2')")
    log.execute(
        "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, error_code,"
        " error_message, latency_ms, sender_id, sent_at)"
        " VALUES (gen_random_uuid(), 'done', '7', '1', 1, 'sent', NULL, NULL, NULL, 300, 's', now()),"
        " (gen_random_uuid(), 'done', '7', '2', 1, 'retrying', 'transient', 2, 'Later.', 200, 's', now()),"
        " (gen_random_uuid(), 'done', '7', '2', 2, 'failed', 'transient', 2, 'Service unavailable.', 400, 's', now())"
    )
    log.execute(
        "INSERT INTO suppressions (page_id, recipient_id, reason, since, by_whom, note)"
        " VALUES ('7', '2', 'denied', now(), 'ana', 'asked for it')"
    )
    log.execute("INSERT INTO audit (who, what, target, detail) VALUES ('ana', 'run pause', 'done', '2 left')")
    log.execute("INSERT INTO users (name, role, password, created_by) VALUES ('ana', 'operator', 'x', 'x')")
    count_again(log)
    yield
    log.execute("DELETE FROM users")


def _seconds(redis: Redis) -> None:
    at_s = [int(time.time()) - 20]
    seconds = Seconds(lambda: at_s[0] * 1_000_000)
    for outcome, error_class in (("sent", ""), ("failed", "transient"), ("retrying", "transient")):
        seconds.count("summer", "7", outcome, error_class, 100.0)
    at_s[0] += 1
    for command in [one for second in seconds.untold() for one in commands(second)]:
        redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


@pytest.fixture
def listen(open_page: OpenPage, service: Service) -> Iterator[tuple[Any, Callable[[], list[Any]]]]:
    """A page, and what axe finds wrong with it, in four looks."""
    axe = pytest.importorskip("axe_playwright_python", reason="this test needs: pip install axe-playwright-python")
    script = files(axe).joinpath("axe.min.js").read_text("utf-8")
    with open_page(service, "/admin", bypass_csp=True, reduced_motion="reduce", failures_expected=True) as page:

        def heard() -> list[Any]:
            found = []
            page.evaluate(script)
            for width in WIDTHS:
                for scheme, only in (("light", None), ("dark", ["color-contrast"])):
                    page.set_viewport_size({"width": width, "height": 900})
                    page.emulate_media(color_scheme=scheme)
                    rules = {"runOnly": only} if only else {}
                    told = page.evaluate("rules => axe.run(rules).then(found => found.violations)", rules)
                    found += [(width, scheme, one["id"], [node["html"][:200] for node in one["nodes"]]) for one in told]
            return found

        yield page, heard


def test_every_page_is_as_good_to_hear_as_to_see(world: None, listen: tuple[Any, Callable[[], list[Any]]]) -> None:
    page, heard = listen
    found: dict[str, Any] = {}
    for path in PATHS:
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"/admin{path}")
        for chart in page.locator("figure.chart").all():
            chart.scroll_into_view_if_needed()
            expect(chart.locator(".note")).not_to_have_text("")
        found |= {path: told} if (told := heard()) else {}
    assert found == {}


def test_so_is_every_question(world: None, listen: tuple[Any, Callable[[], list[Any]]]) -> None:
    page, heard = listen
    found: dict[str, Any] = {}
    for path, link in DIALOGS.items():
        page.set_viewport_size({"width": WIDTHS[0], "height": 900})
        page.goto(f"/admin{path}")
        page.get_by_role("link", name=link).first.click()
        expect(page.locator("#dialog")).to_be_visible()
        found |= {path: told} if (told := heard()) else {}
    assert found == {}
