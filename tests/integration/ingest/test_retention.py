"""What is older than it is said to be kept goes, in small steps, and what is still needed stays."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection

from ingest.keeping import retention
from ingest.keeping.keep import tidy
from ingest.keeping.retention import forget_old
from ingest.settings import IngestSettings
from schema.runtime.settings import load
from tests.integration.ingest.events import fetch


class Kept(msgspec.Struct, frozen=True):
    log_retention_days: int = 7
    submitted_retention_days: int = 90
    dead_letter_retention_days: int = 30
    figures_retention_days: int = 400


def forget(url: str, kept: Kept | None = None) -> dict[str, int]:
    async def forgetting() -> dict[str, int]:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            return await forget_old(connection, kept or Kept())

    return asyncio.run(forgetting())


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def submitted(run_id: str, people: int, state: str | None, ended_days_ago: int, **more: Any) -> list[str]:
    """Return what stores a submitted run with so many people; `state` None: it was never taken."""
    status, root = more.get("status", "queued"), more.get("root")
    at = f"now() - interval '{ended_days_ago} days'"
    made = [
        f"INSERT INTO submitted_runs (run_id, page_id, message, status, updated_at) "  # noqa: S608
        f"VALUES ('{run_id}', '7', '{{}}', '{status}', {at})",
        f"INSERT INTO submitted_recipients SELECT '{run_id}', n::text FROM generate_series(1, {people}) n",  # noqa: S608
    ]
    if state:
        finished = at if state in ("finished", "refused") else "NULL"
        made.append(
            f"INSERT INTO runs (run_id, page_id, source, state, taken_at, finished_at) "  # noqa: S608
            f"VALUES ('{run_id}', '7', 'submitted', '{state}', {at}, {finished})"
        )
    if root:
        made.append(
            f"INSERT INTO submitted_selections VALUES ('{run_id}', '{root}', '{root}', 'submitted', "  # noqa: S608
            f"ARRAY['{root}'], ARRAY['transient'], ARRAY['failed'], {at})"
        )
    return made


def test_recipients_of_submitted_runs_go_when_their_whole_family_has_ended(log_database_url: str) -> None:
    execute(
        log_database_url,
        *submitted("old", 3, "finished", 91),
        *submitted("refused", 2, "refused", 91),
        *submitted("young", 3, "finished", 89),
        *submitted("going-on", 3, "active", 300),
        *submitted("lost", 3, "queue_lost", 300),
        *submitted("waiting", 3, None, 300),
        *submitted("called-off", 3, None, 300, status="cancelled"),
        *submitted("retried", 3, "finished", 300),
        *submitted("retry", 0, "active", 1, root="retried"),
        *submitted("retried-long-ago", 3, "finished", 300),
        *submitted("retry-long-ago", 0, "finished", 100, root="retried-long-ago"),
    )
    assert forget(log_database_url) == {"submitted_recipients": 3 + 2 + 3 + 3}
    kept = fetch(log_database_url, "SELECT DISTINCT run_id FROM submitted_recipients ORDER BY 1")
    assert [run_id for (run_id,) in kept] == ["going-on", "lost", "retried", "waiting", "young"]
    assert fetch(log_database_url, "SELECT count(*) FROM submitted_runs") == [(11,)]
    assert forget(log_database_url) == {}


def test_what_explains_rows_of_the_log_is_not_forgotten_before_them(log_database_url: str) -> None:
    execute(
        log_database_url,
        *submitted("old", 3, "finished", 91),
        "INSERT INTO run_figures VALUES ('old', 'sent', '', 3, now() - interval '91 days', now() - interval '91 days')",
    )
    assert forget(log_database_url, Kept(log_retention_days=100, figures_retention_days=1)) == {}
    everything = forget(log_database_url, Kept(figures_retention_days=90))
    assert everything == {"submitted_recipients": 3, "run_figures": 1}


def test_dead_letters_and_figures_go_after_their_days(log_database_url: str) -> None:
    def of_page(days: int, step_s: int) -> str:
        values = f"'7', {step_s}, now() - interval '{days} days', 'sent', 1, '{{}}'"
        return f"INSERT INTO page_figures VALUES ({values})"  # noqa: S608

    def of_run(run: str, outcome: str, days: int) -> str:
        at = f"now() - interval '{days} days'"
        return f"INSERT INTO run_figures VALUES ('{run}', '{outcome}', '', 1, {at}, {at})"  # noqa: S608

    letters = (
        "INSERT INTO message_log_dead_letters SELECT 'c', 't', 0, n, 'x', 'why', now() - make_interval(days => n) "
        "FROM generate_series(1, 40) n"
    )
    execute(
        log_database_url,
        *(of_page(days, step_s) for days in (399, 401) for step_s in (60, 3600)),
        *(of_run("old", outcome, 401) for outcome in ("sent", "failed")),
        of_run("long", "sent", 500),
        of_run("long", "failed", 300),
        letters,
    )
    gone = {"message_log_dead_letters": 11, "page_figures": 2, "run_figures": 2}
    assert forget(log_database_url) == gone
    assert fetch(log_database_url, "SELECT run_id, count(*) FROM run_figures GROUP BY 1") == [("long", 2)]


def test_it_goes_in_small_steps_and_not_for_ever(log_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 10)
    monkeypatch.setattr(retention, "MOST_STEPS", 3)
    execute(log_database_url, *submitted("a", 25, "finished", 91), *submitted("b", 20, "finished", 91))
    assert [forget(log_database_url).get("submitted_recipients", 0) for _ in range(3)] == [30, 15, 0]


def test_the_hourly_tidying_forgets_too(log_database_url: str, redis_url: str, kafka_bootstrap: str) -> None:
    old = "INSERT INTO message_log_dead_letters VALUES ('c', 't', 0, 1, 'x', 'why', now() - interval '3 days')"
    execute(log_database_url, old)
    addresses = {"redis_url": redis_url, "kafka_bootstrap_servers": kafka_bootstrap}
    for days, left in ((4, 1), (2, 0)):
        settings = load(
            IngestSettings,
            env_file=None,
            log_database_url=log_database_url,
            dead_letter_retention_days=days,
            **addresses,
        )
        asyncio.run(tidy(settings))
        assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(left,)]
