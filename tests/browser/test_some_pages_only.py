"""Somebody who may see some pages only: every place that they are led to is theirs, and nothing of others is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import psycopg
import pytest
from redis import Redis

from tests.browser.conftest import ADMIN, OpenPage, Service
from tests.browser.test_looking import BRAKE, expect, publish_now
from tests.integration.log_figures import count_again
from tests.patience import patience_s
from tests.unit.api.contents import write_breaker, write_failure, write_run

OURS, THEIRS = "7001", "8080808"
PASSWORD = "a long enough password"
OTHERS = re.compile(r"8080808|theirs|90909")
"""Another page, its runs, its people."""
COUNTS = re.compile(r"\b(?:5,?555|4,?444|6,?66[56]|6,?671|5,?560)\b")
"""Its counts, and those of both together."""
ASKED = (THEIRS, "theirs", "90909001")
"""What they may have heard of, and look for."""


@pytest.fixture
def world(redis: Redis, log: psycopg.Connection[Any]) -> None:
    """The same of both pages."""
    log.execute("TRUNCATE message_logs, runs, submitted_runs, suppressions, users, audit CASCADE")
    for page, run_id, left, psid in ((OURS, "ours", 5, "70707001"), (THEIRS, "theirs", 5555, "90909001")):
        held: dict[str, Any] = {"held_by": "brake", **BRAKE} if page == THEIRS else {}
        write_run(redis, run_id, page=page, left=left, recipients=left + 1111, sent=1111, **held)
        write_run(
            redis, f"{run_id}-done", page=page, state="finished", recipients=4444 if page == THEIRS else 3, sent=1
        )
        write_breaker(redis, page, failures=6666 if page == THEIRS else 5)
        write_failure(redis, run_id, psid, page)
        log.execute(
            "INSERT INTO runs (run_id, page_id, source, state, recipients) VALUES (%s, %s, 'submitted', 'active', %s)",
            (run_id, page, left),
        )
        for n in range(30):
            log.execute(
                "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
                " sender_id, sent_at) VALUES (gen_random_uuid(), %s, %s, %s, 1, 'failed', 'transient', 's', now())",
                (run_id, page, str(int(psid) + n)),
            )
        log.execute(
            "INSERT INTO suppressions (page_id, recipient_id, reason, since, by_whom)"
            " VALUES (%s, %s, 'denied', now(), 'ana')",
            (page, psid),
        )
        for what, target in (("run pause", run_id), ("page pause", page)):
            log.execute("INSERT INTO audit (who, what, target, detail) VALUES ('ana', %s, %s, '')", (what, target))
    count_again(log)
    publish_now(redis, 5555.0)


@pytest.fixture
def admin(service: Service) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {ADMIN}"}
    with httpx.Client(base_url=service.url, headers=headers, timeout=patience_s()) as client:
        yield client


def walk(page: Any) -> list[str]:
    """Go to each place of the navigation, and on wherever links lead; return what is wrong there."""
    places = page.locator("nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(places) >= 5
    wrong, seen, ahead = [], set[str](), list(places)
    while ahead:
        path = ahead.pop(0)
        kind = re.sub(r"=[^&]*", "=", re.sub(r"[0-9]+", "#", path))  # one person is looked at for all
        if kind in seen or "format=csv" in path:
            continue
        seen.add(kind)
        answer = page.goto(path, wait_until="domcontentloaded")
        if answer.status >= 400:
            wrong.append(f"{path} is refused: {answer.status}")
        text = page.locator("html").evaluate("html => html.outerHTML")
        found = {*OTHERS.findall(text), *COUNTS.findall(page.locator("body").inner_text())}
        wrong += [f"{path} tells of {each!r}" for each in found]
        links = page.locator("main a[href], footer a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        ahead += [href for href in links if href.startswith("/admin") and "/act/" not in href]
        wrong += [f"{path} leads to {href}" for href in links if OTHERS.search(unquote(href))]
    return wrong


@pytest.mark.parametrize("role", ["viewer", "admin"])
def test_who_may_see_one_page_is_led_nowhere_else(
    world: None, admin: httpx.Client, service: Service, open_page: OpenPage, role: str
) -> None:
    form = {"name": "eva", "password": PASSWORD, "role": role, "pages": OURS}
    assert admin.post("/admin/users/add", data=form).status_code == 303
    with open_page(service, "/admin", name="eva", token=PASSWORD, failures_expected=True) as page:
        expect(page.locator(".who")).to_contain_text("eva")
        expect(page.locator(".runs tr", has_text="ours").first).to_be_visible()
        assert walk(page) == []
        for asked in ASKED:
            page.goto("/admin")
            page.fill(".search input", asked)
            page.press(".search input", "Enter")
            page.wait_for_load_state()
            text = page.locator("main").inner_text().replace(asked, "")
            assert (OTHERS.findall(text), COUNTS.findall(text)) == ([], []), f"{asked}: {text}"


def test_a_key_for_one_page_is_led_nowhere_else(
    world: None, admin: httpx.Client, service: Service, browser: Any
) -> None:
    made = admin.post("/admin/users/add-key", data={"name": f"of-{OURS}", "role": "operator", "pages": OURS})
    secret = re.search(r"newar_[\w-]+", made.text)
    assert secret is not None, made.text
    visit = browser.new_context(
        base_url=service.url, extra_http_headers={"Authorization": f"Bearer {secret[0]}"}, accept_downloads=False
    )
    try:
        page = visit.new_page()
        page.goto("/admin")
        assert walk(page) == []
    finally:
        visit.close()
        admin.post(f"/admin/users/remove-key/of-{OURS}")
