"""Who did not get a run's message and why: from the command line and the API."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ops.commands.run.failures import _rows
from tests.integration.api.serving import open_api
from tests.integration.runs.by_hand.world import make_partitions
from tests.unit.api.contents import api_settings
from tests.unit.command_line import CommandLine, open_command_line

_RUN = (
    "INSERT INTO runs (run_id, page_id, source, state, recipients, message)"
    " VALUES ('r', '100', 'submitted', 'finished', 100, '{\"text\": \"hi\"}')"
)
_ROWS = """
    INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, error_code,
        error_message, sender_id, sent_at)
    SELECT gen_random_uuid(), 'r', '100', n::text, 1, outcome, class, code, message, 'sender', now()
    FROM generate_series(1, %s) n
    JOIN (VALUES
        (0, 'sent', NULL, NULL::int, NULL),
        (1, 'failed', 'recipient_permanent', 551, 'This person is not available.'),
        (2, 'failed', 'recipient_permanent', 551, E'one, "two"\n\x1b[2J'),
        (3, 'retrying', 'transient', 2, 'later'),
        (4, 'unknown', 'ambiguous', NULL, 'no answer')
    ) kinds (kind, outcome, class, code, message) ON kind = n %% 5
"""


@pytest.fixture
def log(log_database_url: str) -> str:
    """A finished run of a hundred recipients."""
    asyncio.run(make_partitions(log_database_url))
    with psycopg.connect(log_database_url) as connection:
        connection.execute(_RUN)
        connection.execute(_ROWS, [100])
    return log_database_url


@pytest.fixture
def newar(tmp_path: Path, log: str, redis_url: str) -> Iterator[CommandLine]:
    with open_command_line(tmp_path) as opened:
        opened.set(LOG_DATABASE_URL=log, REDIS_URL=redis_url, TOKEN_ENCRYPTION_KEY="A" * 43 + "=")
        yield opened


def test_everybody_who_was_missed_is_written_as_csv(newar: CommandLine) -> None:
    result = newar("run", "failures", "r")
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 60
    assert {row["outcome"] for row in rows} == {"failed", "unknown"}
    [one] = [row for row in rows if row["recipient_id"] == "2"]
    assert (one["error_class"], one["error_code"]) == ("recipient_permanent", "551")
    assert one["error_message"] == 'one, "two"��[2J'


def test_everybody_of_a_class_is_written_as_lines_of_json(newar: CommandLine) -> None:
    result = newar("run", "failures", "r", "--class", "ambiguous", "--json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["recipient_id"] for row in rows} == {str(n) for n in range(4, 100, 5)}
    assert {row["error_message"] for row in rows} == {"no answer"}


def test_failures_of_nobodys_run_are_an_error(newar: CommandLine) -> None:
    result = newar("run", "failures", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no run has the id x" in result.stderr


def test_failures_take_the_same_memory_however_many_they_are(log: str) -> None:
    def peak(recipients: int) -> int:
        with psycopg.connect(log) as connection:
            connection.execute("DELETE FROM message_logs")
            connection.execute(_ROWS, [recipients])
            tracemalloc.start()
            try:
                assert sum(1 for _ in _rows(connection, "r", [])) == recipients * 3 // 5
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    small = peak(10_000)
    assert peak(60_000) < 1.2 * small + 500_000


def test_show_says_who_was_missed_by_class_with_examples(newar: CommandLine) -> None:
    shown = json.loads(newar("run", "show", "r", "--json").stdout)
    kinds = [(m["outcome"], m["error_class"], m["recipients"]) for m in shown["not_reached"]]
    assert kinds == [("failed", "recipient_permanent", 40), ("unknown", "ambiguous", 20)]
    assert [len(m["examples"]) for m in shown["not_reached"]] == [3, 3]
    assert shown["not_reached"][0]["examples"][0]["error_code"] == 551


async def test_api_says_who_was_missed_by_class_with_examples(log: str, redis_url: str, asyncio_loop: Any) -> None:
    async with open_api(api_settings(redis_url=redis_url, api_port=0, log_database_url=log)) as client:
        run = (await client.get("/api/v1/runs/r")).json()
    assert run["log"] == "ok"
    missed = [(m["outcome"], m["error_class"], m["recipients"], len(m["examples"])) for m in run["not_reached"]]
    assert missed == [("failed", "recipient_permanent", 40, 3), ("unknown", "ambiguous", 20, 3)]
    assert run["not_reached"][1]["examples"][0]["error_message"] == "no answer"


def test_retry_is_accepted_with_its_size_and_recover_says_what_is_wrong(newar: CommandLine) -> None:
    nobody = newar("run", "retry", "r")
    assert (nobody.exit_code, nobody.stdout) == (1, "")
    assert "nobody ended as failed with" in nobody.stderr
    made = json.loads(newar("run", "retry", "r", "--class", "recipient_permanent", "--json").stdout)
    assert (made["recipients"], made["parent_run_id"], made["rows_missing"]) == (40, "r", 20)
    newar.set(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    again = newar("run", "recover", "r")
    assert again.exit_code == 1
    assert "run r is finished: there is nothing to recover" in again.stderr
    assert newar("run", "retry", "r", "--class", "nonsense").exit_code == 2
