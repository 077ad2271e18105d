"""`newar run close --taken-before`: what a restored log database does not know any more is never sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import redis

from schema.keys import key
from tests.integration.commands.conftest import PROJECT
from tests.integration.commands.processes import serving
from tests.integration.commands.runs import shown, submit
from tests.integration.commands.servers import reports, sql, until
from tests.unit.command_line import CommandLine

SAMPLES = PROJECT / "schema" / "source"
NOW = datetime.now(UTC)
LOST = NOW - timedelta(hours=1)
"""When the log database was lost."""


@pytest.fixture
def source(desk: CommandLine, log_database_url: str) -> Iterator[psycopg.Connection]:
    """The sample source, in the log database, with a page; `newar` knows it."""
    with psycopg.connect(log_database_url, autocommit=True) as owner:
        for name in ("tables.sql", "views.sql", "index.sql"):
            owner.execute((SAMPLES / name).read_text().encode())
        owner.execute("INSERT INTO pages VALUES ('100', 'A page', 'EAAtoken')")
        desk.set(SOURCE_DATABASE_URL=log_database_url)
        yield owner


def add(source: psycopg.Connection, status: str = "queued", *, due: datetime | None, changed: datetime = LOST) -> str:
    row = source.execute(
        "INSERT INTO broadcasts (page_id, message, status, scheduled_at, updated_at) "
        """VALUES ('100', '{"text": "Hi"}', %s, %s, %s) RETURNING id::text""",
        [status, due, changed - timedelta(minutes=1)],
    ).fetchone()
    assert row is not None
    source.execute("INSERT INTO broadcast_recipients VALUES (%s, '100', '7001')", row)
    return str(row[0])


def close(newar: CommandLine, *words: str) -> Any:
    result = newar("run", "close", "--taken-before", LOST.isoformat(), "--yes", "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_closed_is_what_may_have_been_sent_and_nobody_knows_of(
    desk: CommandLine, source: psycopg.Connection, log_database_url: str
) -> None:
    early, late = LOST - timedelta(days=2), LOST + timedelta(minutes=10)
    sent = [add(source, due=early), add(source, due=None), add(source, "paused", due=early)]
    add(source, "cancelled", due=early)
    to_come = [add(source, due=late), add(source, due=None, changed=NOW)]
    for state, for_now in (("finished", False), ("refused", False), ("refused", True)):
        run_id = add(source, due=early)
        sql(
            log_database_url,
            "INSERT INTO runs (run_id, page_id, source, state, refused_for_now, finished_at)"
            " VALUES (%s, '100', 'source', %s, %s, %s)",
            *(run_id, state, for_now, early),
        )
        sent += [run_id] if for_now else []
    submitted = submit(desk)
    sql(log_database_url, "UPDATE submitted_runs SET updated_at = %s", early)
    answer = close(desk)
    assert sorted(answer["closed"]) == sorted([*sent, submitted])
    assert (answer["in_queue"], sorted(answer["later"])) == (0, sorted(to_come))
    assert close(desk)["closed"] == []
    run = shown(desk, sent[0])
    assert (run["state"], run["status"], run["ended_as"]) == ("finished", "cancelled", "cancelled")
    assert run["reason"].startswith("closed by hand")
    noted = sql(log_database_url, "SELECT target FROM audit WHERE what = 'run close' AND by_person")
    assert {target for (target,) in noted} == {*sent, submitted}


def test_closed_runs_are_not_taken_and_those_due_later_are(
    desk: CommandLine, source: psycopg.Connection, log_database_url: str
) -> None:
    closed, due = add(source, due=LOST), add(source, due=LOST + timedelta(minutes=1))
    assert close(desk)["closed"] == [closed]
    with serving("runs") as process:
        until(lambda: sql(log_database_url, "SELECT state FROM runs WHERE run_id = %s", due) == [("active",)])
        refused = desk("run", "close", "--taken-before", "1h", "--yes")
        process.terminate()
        process.communicate()
    assert shown(desk, closed)["state"] == "finished"
    assert refused.exit_code == 1
    assert "run processors are running" in refused.stderr


def test_run_that_the_queue_has_goes_on_and_one_whose_queue_is_gone_is_closed(
    desk: CommandLine, source: psycopg.Connection, log_database_url: str, redis_url: str
) -> None:
    run_id = add(source, due=LOST)
    with serving("runs") as process:
        until(lambda: sql(log_database_url, "SELECT state FROM runs") == [("active",)])
        process.terminate()
        process.communicate()
    until(lambda: not reports(redis_url, "runs"))
    sql(log_database_url, "UPDATE runs SET taken_at = %s", LOST)
    assert close(desk) == {"closed": [], "in_queue": 0, "later": []}
    sql(log_database_url, "DELETE FROM runs")
    assert close(desk) == {"closed": [], "in_queue": 1, "later": []}
    with redis.Redis.from_url(redis_url) as client:
        client.delete(*client.keys(key("*")))
    sql(
        log_database_url,
        "INSERT INTO runs (run_id, page_id, source, state, queue_epoch, taken_at)"
        " VALUES (%s, '100', 'source', 'active', 'another', %s)",
        *(run_id, LOST),
    )
    sql(log_database_url, "INSERT INTO run_figures VALUES (%s, 'sent', '', 5, now(), now())", run_id)
    assert close(desk)["closed"] == [run_id]
    rows = sql(log_database_url, "SELECT state, ended_as, recipients, outcomes, queue_epoch FROM runs")
    assert rows == [("finished", "cancelled", 5, {"sent": 5}, None)]


def test_it_asks_first_and_says_what_it_would_do(
    desk: CommandLine, source: psycopg.Connection, log_database_url: str
) -> None:
    run_id = add(source, due=LOST)
    result = desk("run", "close", "--taken-before", LOST.isoformat())
    assert result.exit_code == 2
    assert run_id in result.stdout
    assert "1 run to close: due or taken by" in result.stdout
    assert "Nobody is here to be asked: say so with --yes" in result.stderr
    assert sql(log_database_url, "SELECT count(*) FROM runs") == [(0,)]
    assert desk("run", "close", "--taken-before", LOST.isoformat(), "--yes").stdout.endswith("\n1 run closed\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--taken-before"),
        (["--taken-before", "yesterday"], "is no moment"),
        (["--taken-before", "2026-11-22T09:30:00"], "is no moment"),
        (["--taken-before", "9999-12-31T23:59:59Z"], "has not come"),
    ],
)
def test_what_is_no_moment_of_the_past_is_refused(desk: CommandLine, words: list[str], said: str) -> None:
    result = desk("run", "close", *words, "--yes")
    assert result.exit_code != 0
    assert said in result.stderr
