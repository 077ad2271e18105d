"""`newar log show`: what is printed, and what is refused."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.integration.log_figures import count_again
from tests.unit.command_line import CommandLine


@pytest.fixture
def logged(desk: CommandLine, log_database_url: str) -> CommandLine:
    assert desk("partitions", "ensure", "--days", "1").exit_code == 0
    with psycopg.connect(log_database_url) as connection:
        connection.execute(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_code, error_message, sender_id, sent_at) SELECT gen_random_uuid(), 'r', '7', n::text, 1,"
            " 'failed', 'transient', 2, E'try\\x1b[2J later', 's', now() - n * interval '1 hour' / 100"
            " FROM generate_series(1, 5) n"
        )
        count_again(connection)
    return desk


def test_rows_are_shown_newest_first_and_lead_on(logged: CommandLine) -> None:
    shown = logged("log", "show", "--failures", "--run", "r", "--limit", "3")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert [line.split()[4] for line in lines[1:4]] == ["1", "2", "3"]
    assert "\x1b" not in shown.stdout
    *_, after = lines[-1].split()
    assert lines[-1] == f"More follow: --after {after}"
    rest = json.loads(logged("log", "show", "--failures", "--run", "r", "--after", after, "--json").stdout)
    assert ([row["recipient_id"] for row in rest["rows"]], rest["next"]) == (["4", "5"], None)


def test_every_question_finds_its_rows(logged: CommandLine) -> None:
    for words in (
        *("--recipient 3", "--page 7", "--run r --class transient", "--run r --code 2"),
        *("--failures", "--failures --page 7 --code 2", "--page 7 --from 1d --to 1s"),
    ):
        found = json.loads(logged("log", "show", *words.split(), "--json").stdout)["rows"]
        assert len(found) == (1 if "--recipient" in words else 5), words


def test_what_no_index_answers_is_wrong_usage(logged: CommandLine) -> None:
    for words, said in (
        ([], "no index answers this"),
        (["--page", "7", "--outcome", "failed"], "no index answers this"),
        (["--page", "7", "--after", "x"], "the last line of a former list"),
        (["--page", "7", "--from", "yesterday"], "is no moment"),
        (["--run", ""], "run is empty"),
    ):
        result = logged("log", "show", *words)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in " ".join(result.stderr.replace("│", " ").split())
