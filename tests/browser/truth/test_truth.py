"""Every number that people see, against what was counted again: when all is well, and when something is gone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from redis import Redis

from tests.browser.conftest import ADMIN, OpenPage, Service, serving
from tests.browser.test_looking import expect
from tests.browser.truth import happenings
from tests.browser.truth.recount import Recount, recount
from tests.browser.truth.to_be_shown import PAGES, UNSTEADY, Shown, World
from tests.patience import patience_s
from tests.ports import free_port

LOOK_S = 2.0
NOT_KNOWN = {
    "/runs": "only what the queue knows is shown",
    "/runs/mixed": "who was not reached is not known now",
    "/runs/blocked": "Not all that people did is known now",
    "/pages": "how fast the Graph API answers is not known now",
    "/pages/102": "how fast the Graph API answers is not known now",
    "/people/71000000": "the log database cannot be read",
    "/jobs/mixed/71000003": "the log database cannot be read",
    "/log?run=mixed&failures=1": "the log database cannot be read",
    "/suppressions": "the log database cannot be read",
}
"""What pages say without Postgres."""
LOST = {
    "/runs/waits": "its queue was lost",
    "/pages": "Pages that had runs and that the queue does not know: 4",
    "/pages/102": "The queue does not know this page",
    "/people/71000110": "not in the queue",
    "": "The queue remembers no failure",
}
"""What they say when Redis was emptied."""
NUMBERS = Path(__file__).with_name("numbers.js").read_text()


class Stack(NamedTuple):
    """All that sends, with an API that tests start and kill."""

    process: subprocess.Popen[str]
    graph_url: str
    api: dict[str, Any]
    """Its settings."""

    def obey(self, line: str) -> None:
        """Stop or start Postgres; return when it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "done"

    def recount(self) -> Recount:
        """Count again what is so."""
        with psycopg.connect(self.api["log_database_url"], autocommit=True) as database:
            return recount(database, self.graph_url)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    command = [sys.executable, "-m", "tests.browser.truth.stack", str(tmp_path_factory.mktemp("stack"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        graph_url = found.pop("graph_url")
        yield Stack(process, graph_url, {**found, "api_port": free_port()})
        process.stdin.close()
        process.wait()


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that the services do."""
    end_s = time.monotonic() + patience_s()
    while not condition():
        assert time.monotonic() < end_s, f"{what}: not in time"
        time.sleep(0.05)


def test_every_number_is_so_whatever_is_gone(stack: Stack, open_page: OpenPage) -> None:
    with serving(**stack.api) as service, _api(service) as api:
        _happen(stack, api)
        with open_page(service, "/admin", failures_expected=True) as page:
            _compare(page, stack)
            _see_what_was_sent(page, stack)
            service.process.kill()
            service.process.wait()
            with serving(**stack.api):
                _compare(page, stack, of=("", "/runs", "/runs/put-off", "/pages", "/people/71000009"))
                _without_postgres(page, stack, api)
                _without_the_queue(page, stack)


def _api(service: Service) -> httpx.Client:
    return httpx.Client(base_url=service.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=patience_s())


def _happen(stack: Stack, api: httpx.Client) -> None:
    def all_settled() -> bool:
        so = stack.recount()
        tries = sum(row.outcome == "retrying" for row in so.runs["put-off"].rows)
        ended = {name for name, run in so.runs.items() if run.is_over}
        known = {"mixed": 56, "put-off": 4, "dropped": 6, "late": 7}
        done = all(so.runs[name].done == n for name, n in known.items())
        return {"first", "mixed", "dropped", "late"} <= ended and done and tries > 0 and so.runs["blocked"].done > 0

    happenings.arrange(api, stack.graph_url)
    until(lambda: stack.recount().runs["first"].is_over, "the first run")
    happenings.go_on(api)
    until(lambda: api.get("/api/v1/runs/dropped").json().get("state") == "active", "a run to cancel")
    happenings.cancel(api, "dropped")
    until(all_settled, "all ends")
    stack.recount().check()


def _compare(page: Any, stack: Stack, *, of: Collection[str] = PAGES, **known: bool) -> None:
    """Look at these pages, and again where it was not so, since all of it may change while it is looked at."""
    for path in of:
        _compare_one(page, path, stack.recount, **known)


def _compare_one(page: Any, path: str, count: Callable[[], Recount], **known: bool) -> None:
    end_s, wrong = time.monotonic() + min(patience_s(), 30), ["not looked at yet"]
    while wrong:
        assert time.monotonic() < end_s, f"/admin{path}, {known}:\n" + "\n".join(wrong)
        page.goto(f"/admin{path}", wait_until="domcontentloaded")
        wrong = _differences(page.evaluate(NUMBERS), list(PAGES[path](World(count(), **known))))


def _differences(shown: list[tuple[str, str]], wanted: list[Shown]) -> list[str]:
    """Say which numbers are wrong, which are shown and not known here, and which are missing."""
    wrong, left = [], list(wanted)
    for place, text in shown:
        fitting = next((w for w in left if w.place == place and re.fullmatch(w.text, text)), None)
        if fitting is not None:
            left.remove(fitting)
        elif not UNSTEADY.fullmatch(place):
            wrong.append(f"{place} is shown as {text!r}")
    return wrong + [f"{place} should be {text!r}" for place, text, surely in left if surely]


def _see_what_was_sent(page: Any, stack: Stack) -> None:
    """The graph adds up to what the stand-in has taken, less those who are not known to have it."""
    sent = sum(row.outcome == "sent" for row in stack.recount().rows)
    page.goto("/admin")
    expect(page.locator("#chart-messages .note")).to_contain_text(f" {sent} together.")


def _steady(read: Callable[[], int]) -> int:
    """Return a number once it has stayed the same for two of the page's looks."""
    before, now = -1, read()
    while now != before:
        time.sleep(2 * LOOK_S)
        before, now = now, read()
    return now


def _without_postgres(page: Any, stack: Stack, api: httpx.Client) -> None:
    """What is in the log alone is not known, and said to be so; what is not in the log yet is counted as such."""
    so = stack.recount()
    stack.obey("stop postgres")
    try:
        for path in PAGES:
            _compare_one(page, path, lambda: so, log_away=True)
            if path in NOT_KNOWN:
                expect(page.locator("main")).to_contain_text(NOT_KNOWN[path])
        happenings.pause(api, "put-off")  # whose people would be tried again, with further events
        page.goto("/admin")
        lag = page.locator(".tile", has_text="Log lag")
        before = _steady(lambda: int(lag.locator(".value").inner_text()))
        happenings.cancel(api, "locked")
        expect(lag.locator(".value")).to_have_text(str(before + so.runs["locked"].recipients))
        expect(lag.locator(".note")).not_to_contain_text("not yet rows, 0 s behind")
    finally:
        stack.obey("start postgres")
    happenings.resume(api, "put-off")
    until(lambda: stack.recount().runs["locked"].is_over, "the end of what was cancelled")
    expect(lag.locator(".value")).to_have_text("0")
    _compare(page, stack, of=("/runs", "/runs/mixed", "/log?run=mixed&failures=1"))


def _without_the_queue(page: Any, stack: Stack) -> None:
    """The log and the registry know the runs; that nothing waits, or never did, is not said."""
    with Redis.from_url(stack.api["redis_url"]) as redis:
        redis.flushall()
    _compare(page, stack, queue_lost=True)
    for path, text in LOST.items():
        page.goto(f"/admin{path}", wait_until="domcontentloaded")
        expect(page.locator("main")).to_contain_text(text)
    expect(page.locator("#chart-messages .note")).to_contain_text("Without a gap this is known since")
