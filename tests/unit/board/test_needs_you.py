"""What needs a person, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.board.answers import (
    AppPause,
    BreakerPage,
    Check,
    CircuitBreaker,
    Health,
    HttpClient,
    Ingest,
    LatencyMs,
    Overview,
    ProcessRow,
    QueueAnswer,
)
from ops.board.needs_you import EACH_MOST, TEXTS, Need, needs_you
from ops.board.runs.run_answers import Brake, RunAnswer, RunStatus
from schema.snapshot import Rates

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
FINE = Health(status="ok", checks={"redis": Check(status="ok"), "senders": Check(status="ok")})


def run(run_id: str = "r", **fields: Any) -> RunAnswer:
    values: dict[str, Any] = {
        **dict.fromkeys(("ended_as", "reason", "eta_s", "taken_at", "expires_at", "finished_at")),
        **{"page_id": "7", "state": "active", "held_by": [], "priority": 0, "recipients": 10, "left": 5},
        **{"outcomes": {}, "progress": 0.5, "rate_per_second": 0.0},
    }
    return RunAnswer(run_id=run_id, **{**values, **fields})


def seen(*runs: RunAnswer, services: tuple[str, ...] = ("runs", "sender", "ingest"), **fields: Any) -> Overview:
    app = fields.pop("app", AppPause(None, None))
    queue = QueueAnswer(0, 0, 0, 0, fields.pop("outbox", 0), 0.0, len(runs), list(runs), [], app, 0)
    pages = fields.pop("breakers", [])
    ingest: dict[str, Any] = dict.fromkeys(Ingest.__struct_fields__, 0)
    ingest |= {"partitions": [], "processes": [], **fields.pop("ingest", {})}
    http = dict.fromkeys(("max_sockets", "open", "idle", "in_flight", "requests", "connections_opened"), 0)
    rows = [ProcessRow(s, "host", 1, NOW, service=s, settings={}, busy_tasks=None, tasks=None) for s in services]
    return Overview(
        at=NOW,
        messages_per_second=Rates(0.0, fields.pop("rate", 0.0), 0.0),
        outcomes={},
        latency_ms=LatencyMs(None, None, None),
        queue=queue,
        breaker=CircuitBreaker(len(pages), 0, app, pages),
        ingest=Ingest(**ingest),
        http_client=HttpClient(**http, socket_reuse_ratio=0.0, errors={}, processes=[]),
        other_runs=[],
        failures=[],
        processes=rows,
    )


def kinds(needs: list[Need]) -> list[str]:
    return [need.kind for need in needs]


def test_nothing_is_said_when_all_is_well() -> None:
    assert needs_you(seen(run(), run("p", state="paused", held_by=["operator"])), FINE, []) == []


BRAKED: dict[str, Any] = {"state": "paused", "held_by": ["brake"], "brake": Brake("content-reported", "code 368", NOW)}


@pytest.mark.parametrize(
    ("overview", "kind", "mend"),
    [
        (seen(run(**BRAKED)), "run_braked", "newar run resume r"),
        (seen(run(state="paused", held_by=["operator"], expires_soon=True)), "run_expires_held", "newar run extend r"),
        (seen(run(state="queue_lost")), "queue_lost", "newar run recover r"),
        (seen(run(state="refused", reason="no token", finished_at=NOW)), "run_refused", "newar run show r"),
        (seen(run(state="not_taken", reason="no word")), "run_not_taken", "newar run show r"),
        (
            seen(breakers=[BreakerPage("7", "open", "auth_page", 5, NOW, NOW)]),
            "breaker_open",
            "newar page breaker 7 close",
        ),
        (seen(app=AppPause(NOW, "by hand", by_hand=True)), "app_paused_by_hand", "newar resume --all"),
        (seen(app=AppPause(NOW, "rate limit")), "app_paused", "newar limits show"),
        (seen(services=("runs", "ingest")), "service_missing", "newar sender"),
        (seen(ingest={"dead_letters": 3}), "dead_letters", "newar log dead-letters"),
        (seen(ingest={"lag_s": 600.0}), "log_behind", "newar doctor"),
        (seen(outbox=50_000, rate=100.0), "outbox_full", "newar doctor"),
    ],
)
def test_each_trouble_is_told_with_what_mends_it(overview: Overview, kind: str, mend: str) -> None:
    [need] = needs_you(overview, FINE, [])
    assert need.kind == kind
    assert need.mend.startswith(mend)
    assert need.text == TEXTS[kind] % need.values


@pytest.mark.parametrize(
    "overview",
    [
        seen(run(state="refused", finished_at=NOW - timedelta(days=2))),
        seen(breakers=[BreakerPage("7", "half_open", "auth_page", 5, NOW, NOW)]),
        seen(outbox=20_000, rate=2000.0),
        seen(ingest={"lag_s": 5.0}),
    ],
)
def test_what_mends_itself_or_is_past_needs_nobody(overview: Overview) -> None:
    assert needs_you(overview, FINE, []) == []


def test_a_part_that_is_down_is_told_also_without_redis() -> None:
    health = Health(status="down", checks={"redis": Check(status="down", detail="Redis does not answer")})
    [need] = needs_you(None, health, [])
    assert (need.kind, need.urgent, need.text) == ("part_down", True, "redis is down: Redis does not answer")


def test_dead_letters_are_those_that_lie_there_where_that_is_known() -> None:
    counted = seen(ingest={"dead_letters": 3})
    assert needs_you(counted, FINE, [], dead_letters=0) == []
    [need] = needs_you(seen(), FINE, [], dead_letters=5)
    assert need.values == {"count": 5}
    assert kinds(needs_you(None, FINE, [], dead_letters=5)) == ["dead_letters"]


def test_the_registry_tells_of_runs_that_the_queue_lost() -> None:
    assert kinds(needs_you(seen(), FINE, [run("old", state="queue_lost")])) == ["queue_lost"]


def test_a_cancelled_run_needs_nobody_though_its_queue_was_lost() -> None:
    lost = run("old", state="queue_lost", status=RunStatus.CANCELLED, ended_as="cancelled")
    assert needs_you(seen(), FINE, [lost]) == []


def test_the_urgent_come_first_and_many_of_a_kind_are_counted() -> None:
    refused = [run(f"bad-{n}", state="refused", finished_at=NOW) for n in range(EACH_MOST + 4)]
    needs = needs_you(seen(*refused, run("stop", **BRAKED)), FINE, [])
    assert kinds(needs) == ["run_braked"] + ["run_refused"] * EACH_MOST
    assert needs[-1].others == 4


def test_whoever_may_see_some_pages_is_told_of_those() -> None:
    foreign = [run(f"r{n}", **BRAKED) for n in range(EACH_MOST + 1)]
    overview = seen(*foreign, run("other", page_id="8", **BRAKED), ingest={"dead_letters": 1})
    [need] = needs_you(overview, FINE, [], frozenset({"8"}))
    assert (need.run_id, need.others) == ("other", 0)
    assert len(needs_you(overview, FINE, [])) == EACH_MOST + 1
