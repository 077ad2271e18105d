"""What a person sees: when the queue is busy, empty or gone, in two languages, on a telephone, by ear."""

from __future__ import annotations

import socket
from typing import Any

import psycopg
import pytest
from redis import Redis

from schema.keys import key
from tests.browser.conftest import OpenPage, Service, serving
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

LONG = "a-run-with-a-very-long-name-" * 5
HOSTILE = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">\u202egnp\u200b"
READ = "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">U+202EgnpU+200B"
BRAKE: dict[str, Any] = {"brake_rule": "content-reported", "brake_reason": "code 368", "brake_at_ms": 1_800_000_000_000}


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as expected

    return expected(locator)


def publish_now(redis: Redis, rate: float) -> None:
    publish(redis, process("a", sender=sender(rate=rate, busy_tasks=9)), process("b", ingest=ingest(lag_events=12)))


def test_a_busy_queue_is_shown_and_moves(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "summer-sale", left=600, recipients=1000, sent=400)
    write_breaker(redis, "7")
    write_failure(redis, "summer-sale")
    publish_now(redis, 1234.0)
    with open_page(service, "/admin") as page:
        row = page.locator(".runs tr", has_text="summer-sale")
        expect(row).to_contain_text("40 %")
        expect(page.locator(".need", has_text="breaker")).to_contain_text("7")
        expect(page.locator("section", has_text="Recent failures").last).to_contain_text("recipient permanent")
        page.locator("summary", has_text="Processes").click()
        publish_now(redis, 777.0)
        redis.hset(key("run:summer-sale"), mapping={"left": 100, "sent": 900})
        expect(row).to_contain_text("90 %")
        expect(page.locator("#age")).to_contain_text("Live")
        assert page.evaluate("document.querySelector('#processes').open"), "what was unfolded stays so"


def test_an_empty_queue_says_what_to_do_next(redis: Redis, service: Service, open_page: OpenPage) -> None:
    with open_page(service, "/admin") as page:
        expect(page.locator("#live")).to_contain_text("newar run submit FILE")
        expect(page.locator("#live")).to_contain_text("newar up")
        expect(page.locator(".need", has_text="No sender is running")).to_contain_text("newar sender")
        page.goto("/admin/runs?status=refused")
        expect(page.locator("#live")).to_contain_text("No run is like this.")


@pytest.mark.parametrize("path", ["/admin", "/admin/runs", "/admin/log", "/admin/suppressions", "/admin/audit"])
def test_whatever_others_chose_is_shown_as_text(
    redis: Redis, service: Service, open_page: OpenPage, log: psycopg.Connection[Any], path: str
) -> None:
    write_run(redis, HOSTILE, page=HOSTILE, left=1, held_by="brake", **{**BRAKE, "brake_reason": HOSTILE})
    write_failure(redis, HOSTILE, HOSTILE, error_message=HOSTILE, error_class="policy_page")
    log.execute("DELETE FROM suppressions")
    log.execute(
        "INSERT INTO suppressions (page_id, recipient_id, reason, since, by_whom, note)"
        " VALUES ('7', '1', 'denied', now(), %s, %s)",
        (HOSTILE, HOSTILE),
    )
    log.execute("INSERT INTO audit (who, what, target, detail) VALUES (%s, 'run pause', %s, %s)", (HOSTILE,) * 3)
    log.execute("DELETE FROM message_logs")
    log.execute(
        "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
        " error_message, sender_id, sent_at) VALUES (gen_random_uuid(), %s, '7', '1', 1, 'failed', 'policy_page', %s,"
        " 's', now())",
        (HOSTILE, HOSTILE),
    )
    with open_page(service, path) as page:
        expect(page.locator("#live").get_by_text(READ, exact=False).first).to_be_visible()
        assert "broken" not in page.title()
        assert page.locator("#live :is(img, script)").count() == 0
        page.goto("/admin/runs")
        page.locator(".runs th a").first.click()
        expect(page.locator("h1")).to_have_text(READ)
        assert page.locator("#live :is(img, script)").count() == 0


def test_without_redis_the_page_says_so(open_page: OpenPage) -> None:
    with socket.socket() as holder:  # the port is taken and nobody listens
        holder.bind(("127.0.0.1", 0))
        redis_url = f"redis://127.0.0.1:{holder.getsockname()[1]}"
        with serving(redis_url=redis_url) as gone, open_page(gone, "/admin", failures_expected=True) as page:
            expect(page.locator(".banner", has_text="Without Redis")).to_be_visible()
            expect(page.locator(".checks li", has_text="Redis")).to_contain_text("down")
            page.goto("/admin/runs")
            expect(page.locator("[data-problem]")).to_contain_text("Redis")


def test_when_the_service_goes_the_figures_are_marked_old(servers: dict[str, str], open_page: OpenPage) -> None:
    with serving(redis_url=servers["redis_url"]) as going, open_page(going, "/admin", failures_expected=True) as page:
        expect(page.locator("#age")).to_contain_text("Live")
        going.process.terminate()
        going.process.wait()  # a second signal, at the test's end, would come into its last moments
        expect(page.locator("#lost")).to_contain_text("does not answer")
        expect(page.locator("#age")).to_contain_text("old")


@pytest.mark.parametrize(("scheme", "ground"), [("light", "rgb(246, 247, 249)"), ("dark", "rgb(14, 19, 26)")])
def test_it_fits_a_telephone(redis: Redis, service: Service, open_page: OpenPage, scheme: str, ground: str) -> None:
    for n in range(60):
        write_run(redis, f"{LONG}{n}", page=str(n), left=5, recipients=1_234_567, held_by="operator")
        write_failure(redis, LONG, str(10**15 + n), error_message=LONG * 3)
    telephone: dict[str, Any] = {"viewport": {"width": 390, "height": 800}, "color_scheme": scheme}
    with open_page(service, "/admin", **telephone) as page:
        expect(page.locator(".runs tbody tr").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("document.documentElement.scrollHeight") < 6500
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_it_speaks_portuguese(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "promo", left=1234, recipients=1234)
    with open_page(service, "/admin", locale="pt-BR") as page:
        expect(page.locator("h1")).to_have_text("Visão geral")
        expect(page.locator(".runs tr", has_text="promo")).to_contain_text("1.234")
        page.get_by_role("button", name="English").click()
        expect(page.locator("h1")).to_have_text("Overview")
        expect(page.locator(".runs tr", has_text="promo")).to_contain_text("1,234")


def test_a_held_run_that_expires_says_so_on_the_start_page(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "forgotten", left=500, held_by="operator", expires_at_ms=now_ms() + 3_600_000)
    with open_page(service, "/admin") as page:
        expect(page.locator(".need", has_text="forgotten")).to_contain_text("expires soon")
