"""Who did not get a run's message and why: from the command line and the API."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from ops.board.failures.failures_of_run import csv_lines, open_failures
from ops.board.settings import RecipientsSettings
from ops.shell.service import run_once
from tests.integration.api.serving import open_api
from tests.integration.log_figures import count_again
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
        count_again(connection)
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
    settings = RecipientsSettings(_env_file=None, log_database_url=SecretStr(log))  # type: ignore[call-arg]

    async def count_failures(settings: RecipientsSettings, written: Counter[str]) -> None:
        async with open_failures(settings, "r", []) as failures:
            while missed := await failures.more():
                written.update(row["outcome"] for row, _person in missed)
                csv_lines(missed)

    def peak(recipients: int) -> int:
        with psycopg.connect(log) as connection:
            connection.execute("DELETE FROM message_logs")
            connection.execute(_ROWS, [recipients])
            count_again(connection)
        written = Counter[str]()
        tracemalloc.start()
        try:
            run_once(lambda: count_failures(settings, written))
            assert written.total() == recipients * 3 // 5
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


OUTCOME_FIRST = "recipient_id,outcome,error_class,error_code,error_subcode,error_message,http_status,attempt,sent_at"


@pytest.fixture
def people(log: str) -> str:
    """The recipients of the run, as they were submitted, but for two."""
    with psycopg.connect(log) as connection:
        connection.execute(
            "INSERT INTO submitted_recipients SELECT 'r', n::text,"
            """ jsonb_build_object('name', 'N' || n, 'user', '{"sum": 1.50, "to": null}'::jsonb),"""
            " '2026-11-22T09:30:00Z', 'Asia/Tokyo' FROM generate_series(1, 100) n WHERE n NOT IN (1, 2)"
        )
    return log


def test_file_of_failures_is_submitted_as_it_is(newar: CommandLine, people: str) -> None:
    newar.file("hello.json", '{"text": "Hi {{name}}"}')
    for name, words in (("missed.csv", ()), ("missed.jsonl", ("--json",))):
        result = newar("run", "failures", "r", *words)
        assert result.exit_code == 0
        assert "2 rows have no last_interaction_at and no variables" in result.stderr
        assert "20 rows are `unknown`: these people MAY HAVE the message already" in result.stderr
        newar.file(name, result.stdout)
        made = newar("run", "submit", name, "--page", "100", "--message", "hello.json", "--run-id", name, "--anyway")
        assert made.exit_code == 0, made.output
        assert "of newar run failures left out: outcome, error_class, error_code" in made.stdout
        with psycopg.connect(people) as connection:
            rows = connection.execute(
                "SELECT recipient_id, variables, last_interaction_at::text, time_zone FROM submitted_recipients"
                " WHERE run_id = %s AND recipient_id IN ('2', '4') ORDER BY 1",
                [name],
            ).fetchall()
            count = "SELECT count(*) FROM submitted_recipients WHERE run_id = %s"
            assert connection.execute(count, [name]).fetchone() == (60,)
        user = {"sum": "1.50", "to": None}
        assert rows == [
            ("2", None, None, None),
            ("4", {"name": "N4", "user": user}, "2026-11-22 09:30:00+00", "Asia/Tokyo"),
        ]


def test_columns_of_the_outcome_stay_first(newar: CommandLine, people: str) -> None:
    heading = newar("run", "failures", "r").stdout.splitlines()[0]
    assert heading == f"{OUTCOME_FIRST},last_interaction_at,time_zone,newar:variables"


def test_people_of_a_retry_are_read_from_the_run_that_names_them(newar: CommandLine, people: str) -> None:
    with psycopg.connect(people) as connection:
        connection.execute(_RUN.replace("'r'", "'again'"))
        connection.execute("UPDATE message_logs SET run_id = 'again' WHERE recipient_id IN ('6', '7')")
        count_again(connection)
        connection.execute(
            "INSERT INTO submitted_selections VALUES ('again', 'r', 'r', 'submitted', '{r}', '{}', '{}', now())"
        )
    rows = list(csv.DictReader(io.StringIO(newar("run", "failures", "again").stdout)))
    assert {row["recipient_id"]: json.loads(row["newar:variables"])["name"] for row in rows} == {"6": "N6", "7": "N7"}


@pytest.mark.parametrize("address", [None, "postgresql://nobody@127.0.0.1:1/none", "the log database's"])
def test_source_that_cannot_be_read_is_said_and_the_exit_code_tells(
    newar: CommandLine, log: str, address: str | None
) -> None:
    with psycopg.connect(log) as connection:
        connection.execute("UPDATE runs SET source = 'source'")
    if address:
        newar.set(SOURCE_DATABASE_URL=log if address == "the log database's" else address)
    result = newar("run", "failures", "r")
    assert result.exit_code == 1
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == 60
    why = {
        None: "SOURCE_DATABASE_URL is not set here",
        "the log database's": "the view newar_recipients does not exist here",
    }.get(address, "the source database is away")
    assert "60 rows have no last_interaction_at and no variables" in result.stderr
    assert why in result.stderr


def test_variables_that_no_file_can_hold_are_left_out_and_said(newar: CommandLine, log: str) -> None:
    with psycopg.connect(log) as connection:
        connection.execute(
            "INSERT INTO submitted_recipients SELECT 'r', n::text, '[7]', now() FROM generate_series(1, 9) n"
        )
    result = newar("run", "failures", "r", "--class", "recipient_permanent", "--json")
    rows = {row["recipient_id"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert result.exit_code == 0
    assert "4 rows have no variables: those in the source are no JSON object" in result.stderr
    assert rows["1"]["variables"] is None
    assert rows["1"]["last_interaction_at"] is not None


def test_reader_that_goes_away_is_no_error(people: str, newar: CommandLine) -> None:
    with psycopg.connect(people) as connection:
        connection.execute(_ROWS, [20_000])  # more than a pipe holds
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])}
    command = [sys.executable, "-m", "ops", "run", "failures", "r"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(OUTCOME_FIRST)
        process.stdout.close()
        assert process.stderr.read() == ""


def test_file_with_people_who_may_have_the_message_is_not_submitted_unless_asked_to(
    newar: CommandLine, people: str, tmp_path: Path
) -> None:
    (tmp_path / "missed.csv").write_text(newar("run", "failures", "r").stdout)
    (tmp_path / "fixed.json").write_text('{"text": "Hi"}')
    words = ("run", "submit", str(tmp_path / "missed.csv"), "--page", "100", "--message", str(tmp_path / "fixed.json"))
    stopped = newar(*words)
    assert stopped.exit_code == 1
    assert "20 rows are `unknown`" in stopped.stderr
    assert newar(*words, "--anyway").exit_code == 0


def test_retries_that_may_have_reached_people_since_are_named(newar: CommandLine, people: str, log: str) -> None:
    made = json.loads(newar("run", "retry", "r", "--class", "recipient_permanent", "--json").stdout)["run_id"]
    assert made not in newar("run", "failures", "r").stderr
    with psycopg.connect(log) as connection:
        connection.execute(
            "INSERT INTO runs (run_id, page_id, source, state) VALUES (%s, '100', 'submitted', 'finished')", [made]
        )
    assert f"whom {made} reached since stands here too" in newar("run", "failures", "r").stderr
    assert "reached since" not in newar("run", "failures", made).stderr
