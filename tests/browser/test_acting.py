"""Clicking: what each role may do, what asks first, and that nobody else's page can click here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from redis import Redis

from schema.keys import key
from tests.browser.conftest import VIEWER, OpenPage, Service
from tests.browser.test_looking import BRAKE, expect
from tests.integration.log_figures import count_again
from tests.unit.api.contents import write_run


def test_a_braked_run_goes_on_by_one_click_on_the_start_page(
    redis: Redis, service: Service, open_page: OpenPage
) -> None:
    write_run(redis, "braked", left=600, held_by="brake", **BRAKE)
    with open_page(service, "/admin") as page:
        page.locator(".need", has_text="braked").get_by_role("button", name="Resume").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("Run braked goes on.")
        expect(page.locator(".need", has_text="braked")).to_have_count(0)
        page.reload()
        expect(page.locator(".banner[data-tone=ok]")).to_have_count(0)
    assert not redis.hexists(key("run:braked"), "hold:brake")


def test_a_run_is_paused_and_resumed_from_its_page(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "a/b c", left=600, recipients=600)
    with open_page(service, "/admin/runs/a/b%20c") as page:
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("Messages that wait: 600.")
        page.get_by_role("button", name="Resume").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("goes on")
    entries: Any = redis.xrange(key("audit"))
    assert [fields[b"what"] for _id, fields in entries][-2:] == [b"run pause", b"run resume"]


def test_cancelling_asks_first_and_keeps_the_focus(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "sale", left=1204, recipients=2000)
    with open_page(service, "/admin/runs/sale") as page:
        button = page.get_by_role("link", name="Cancel")
        button.click()
        dialog = page.locator("#dialog")
        expect(dialog).to_contain_text("Messages that will not be sent: 1,204.")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(button).to_be_focused()
        assert redis.hget(key("run:sale"), "state") == b"active"
        button.press("Enter")
        dialog.get_by_role("button", name="Cancel the run").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("cancelled")
    assert redis.hget(key("run:sale"), "state") == b"cancelled"


def test_everything_works_without_a_script(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "plain", left=5, recipients=5)
    with open_page(service, "/admin/runs/plain", java_script_enabled=False) as page:
        page.get_by_role("button", name="Pause").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("Messages that wait: 5.")
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("button", name="Cancel the run").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("cancelled")
        page.goto("/admin")
        page.get_by_role("link", name="Pause everything").click()
        page.get_by_role("button", name="Pause everything").click()
        expect(page.locator(".need", has_text="Everything is paused")).to_be_visible()
        page.get_by_role("button", name="Resume everything").click()
        expect(page.locator(".need", has_text="Everything is paused")).to_have_count(0)


def test_a_viewer_finds_no_buttons_and_is_refused(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "theirs", left=5, held_by="brake", **BRAKE)
    with open_page(service, "/admin", token=VIEWER, failures_expected=True) as page:
        expect(page.locator(".need", has_text="theirs")).to_be_visible()
        assert page.get_by_role("button", name="Resume").count() == 0
        assert page.get_by_role("link", name="Users").count() == 0
        for path in ("/admin/act/run/resume/theirs", "/admin/act/run/cancel/theirs", "/admin/users/add"):
            assert _posted(page, path) == 403
        for path in ("/admin/users", "/admin/submit", "/admin/act/run/cancel/theirs"):
            page.goto(path)
            expect(page.locator("h1")).to_have_text("Not allowed")
    assert redis.hexists(key("run:theirs"), "hold:brake")


@pytest.mark.parametrize("csrf", [None, "", "guessed"])
def test_an_act_without_proof_of_the_page_is_refused(
    redis: Redis, service: Service, open_page: OpenPage, csrf: str | None
) -> None:
    write_run(redis, "safe", left=5)
    with open_page(service, "/admin", failures_expected=True) as page:
        assert _posted(page, "/admin/act/run/cancel/safe", csrf=csrf) == 403
    assert redis.hget(key("run:safe"), "state") == b"active"


def _posted(page: Any, path: str, csrf: str | None = "of the page") -> int:
    """Return how a form of the page is answered, with its proof or another."""
    script = """async ([path, csrf]) => {
        const body = new URLSearchParams({ back: "/admin" });
        if (csrf === "of the page") body.set("csrf", document.querySelector("#act [name=csrf]").value);
        else if (csrf !== null) body.set("csrf", csrf);
        return (await fetch(path, { method: "POST", body, redirect: "manual" })).status;
    }"""
    status: int = page.evaluate(script, [path, csrf])
    return status


def test_people_are_left_out_and_lifted_again(
    redis: Redis, service: Service, open_page: OpenPage, log: psycopg.Connection[Any]
) -> None:
    log.execute("DELETE FROM suppressions")
    with open_page(service, "/admin/suppressions") as page:
        form = page.locator("form", has_text="one PSID a line")
        form.get_by_label("Page").fill("104512345678901")
        form.get_by_label("People").fill("7001\n7002\nno-digits")
        form.get_by_role("button").click()
        expect(page.locator(".banner[data-tone=bad][role=status]")).to_contain_text("Nothing was changed")
        form.get_by_label("Page").fill("104512345678901")
        form.get_by_label("People").fill("7001\n7002")
        form.get_by_role("button").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("People left out: 2.")
        page.locator("tr", has_text="7001").get_by_role("button", name="Lift").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("7001 is no longer left out.")
    assert log.execute("SELECT recipient_id FROM suppressions").fetchall() == [("7002",)]


def test_a_file_is_checked_before_it_is_submitted(
    redis: Redis, service: Service, open_page: OpenPage, log: psycopg.Connection[Any]
) -> None:
    now = datetime.now(UTC).isoformat()
    rows = f"recipient_id,name,last_interaction_at\n7001,Ana,{now}\n7002,Bo,{now}\n"
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    with open_page(service, "/admin/submit") as page:
        page.get_by_label("Page", exact=True).fill("104512345678901")
        page.get_by_label("Message: a text").fill("Hi {{nam}}")
        page.get_by_label("Recipients").set_input_files(file)
        page.get_by_role("button", name="Check").click()
        expect(page.locator("#live")).to_contain_text("nam")
        expect(page.locator("#live .banner").first).to_be_visible()
        assert log.execute("SELECT count(*) FROM submitted_runs").fetchone() == (0,)
        page.get_by_label("Message: a text").fill("Hi {{name}}")
        page.get_by_role("button", name="Check").click()
        expect(page.locator(".bubble").first).to_have_text("Hi Ana")


def test_the_search_box_leads_to_runs_pages_and_people(redis: Redis, service: Service, open_page: OpenPage) -> None:
    write_run(redis, "a run/with slashes", page="104512345678901", left=1)
    with open_page(service, "/admin", failures_expected=True) as page:
        for wanted, place in [
            ("a run/with slashes", "/admin/runs/a%20run/with%20slashes"),
            ("7000000000000001", "/admin/people/7000000000000001"),
            ("a ru", "/admin/runs?search=a+ru"),
        ]:
            page.goto("/admin/runs")
            page.keyboard.press("/")
            page.keyboard.type(wanted)
            page.keyboard.press("Enter")
            page.wait_for_url(f"**{place}")


def test_an_admin_lets_somebody_in_who_can_sign_in_and_out(
    redis: Redis, service: Service, open_page: OpenPage, log: psycopg.Connection[Any]
) -> None:
    log.execute("DELETE FROM users")
    with open_page(service, "/admin/users") as page:
        form = page.locator("form[action='/admin/users/add']")
        form.get_by_label("Name").fill("ana")
        form.get_by_label("Password").fill("a long enough password")
        form.get_by_label("Role").select_option("operator")
        form.get_by_role("button").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("ana may come in now.")
        page.get_by_role("button", name="Sign out").click()
        page.fill("#name", "ana")
        page.fill("#password", "a long enough password")
        page.click("button[type=submit]")
        expect(page.locator(".who")).to_contain_text("ana")
        assert page.get_by_role("link", name="Users").count() == 0


def test_a_retry_shows_whom_it_reaches_and_takes_a_changed_message(
    redis: Redis, service: Service, open_page: OpenPage, log: psycopg.Connection[Any]
) -> None:
    log.execute("DELETE FROM message_logs")
    log.execute("DELETE FROM submitted_runs")
    log.execute("DELETE FROM runs")
    log.execute(
        "INSERT INTO runs (run_id, page_id, source, state, recipients, outcomes, message, messaging_type, enqueued_at,"
        " finished_at) VALUES ('done', '7', 'submitted', 'finished', 2, '{\"sent\": 1, \"failed\": 1}',"
        " '{\"text\": \"Hi {{name}}\"}', 'RESPONSE', now(), now())"
    )
    log.execute(
        "INSERT INTO submitted_runs (run_id, page_id, message, messaging_type, taken)"
        " VALUES ('done', '7', '{\"text\": \"Hi {{name}}\"}', 'RESPONSE', true)"
    )
    log.execute(
        "INSERT INTO submitted_recipients (run_id, recipient_id, variables)"
        " VALUES ('done', '1', '{\"name\": \"Ana\"}'), ('done', '2', '{\"name\": \"Bo\"}')"
    )
    log.execute(
        "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, sender_id,"
        " sent_at) VALUES (gen_random_uuid(), 'done', '7', '1', 1, 'sent', NULL, 's', now()),"
        " (gen_random_uuid(), 'done', '7', '2', 1, 'failed', 'transient', 's', now())"
    )
    count_again(log)
    with open_page(service, "/admin/runs/done") as page:
        expect(page.locator(".bubble").first).to_have_text("Hi Ana")
        page.get_by_role("link", name="Retry these 1").click()
        dialog = page.locator("#dialog")
        expect(dialog.locator(".big")).to_have_text("1")
        dialog.locator("summary").click()
        dialog.get_by_label("Message").fill("Hello again {{name}}")
        dialog.get_by_role("button", name="Retry these 1").click()
        expect(page.locator(".banner[data-tone=ok]")).to_contain_text("is made. At most so many people get it: 1.")
    [message] = log.execute("SELECT message FROM submitted_runs WHERE parent_run_id = 'done'").fetchone() or [None]
    assert message == {"text": "Hello again {{name}}"}
