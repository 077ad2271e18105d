"""`newar run` and `newar page`: runs from a file to the log, paused, resumed and cancelled on the way."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import redis
from typer.testing import Result

from schema.keys import key
from tests.integration.commands.processes import serving
from tests.integration.commands.runs import shown, submit
from tests.integration.commands.servers import sql, until
from tests.integration.log_figures import count_again
from tests.unit.command_line import CommandLine
from tests.unit.runs.by_hand.files.tables.sheets import save_sheet


def test_submitted_run_is_listed_and_shown_before_anybody_takes_it(desk: CommandLine) -> None:
    made_up, named = submit(desk), submit(desk, "--run-id", "named", "--priority", "5")
    listed = json.loads(desk("run", "list", "--json").stdout)
    assert {run["run_id"] for run in listed} == {made_up, named}
    run = shown(desk, named)
    assert (run["state"], run["recipients"], run["left"], run["progress"]) == ("submitted", 3, 3, 0.0)
    assert (run["priority"], run["not_reached"]) == (5, [])
    assert named in desk("run", "list").stdout
    assert named in desk("run", "show", named).stdout


def test_runs_that_were_not_taken_are_listed_with_their_reason(desk: CommandLine, log_database_url: str) -> None:
    sql(
        log_database_url,
        "INSERT INTO not_taken VALUES ('source', 'new', '7', 'waiting', 'nobody can be seen'), "
        "('source', 'near', '7', 'word', 'its status is Queued')",
    )
    listed = json.loads(desk("run", "list", "--json").stdout)
    assert {run["run_id"]: run["state"] for run in listed} == {"new": "waiting", "near": "not_taken"}
    assert desk("run", "list").stdout.endswith("new: nobody can be seen\nnear: its status is Queued\n")
    assert shown(desk, "new")["reason"] == "nobody can be seen"


def test_run_taken_by_the_run_processor_is_paused_resumed_and_cancelled(desk: CommandLine) -> None:
    run_id = submit(desk)
    with serving("runs") as process:
        until(lambda: shown(desk, run_id)["state"] == "active")
        process.terminate()
        process.communicate()
    assert desk("run", "pause", run_id).exit_code == 0
    assert (shown(desk, run_id)["state"], shown(desk, run_id)["held_by"]) == ("paused", ["operator"])
    assert desk("run", "resume", run_id).stdout == f"run {run_id}: resumed\n"
    assert shown(desk, run_id)["state"] == "active"
    assert json.loads(desk("run", "cancel", run_id, "--json").stdout) == {
        "run_id": run_id,
        "done": "cancelled",
        "left": 3,
    }
    assert shown(desk, run_id)["state"] == "cancelled"
    refused = desk("run", "pause", run_id)
    assert (refused.exit_code, refused.stderr) == (1, f"newar: run {run_id} cannot be paused: it is cancelled\n")
    assert [page["page_id"] for page in json.loads(desk("page", "list", "--json").stdout)] == ["100"]


def test_run_that_nobody_has_taken_yet_is_paused_resumed_and_cancelled_by_its_row(
    desk: CommandLine, log_database_url: str
) -> None:
    run_id = submit(desk)
    for word, status in (("pause", "paused"), ("resume", "queued"), ("pause", "paused"), ("cancel", "cancelled")):
        assert desk("run", word, run_id).exit_code == 0
        assert sql(log_database_url, "SELECT status FROM submitted_runs") == [(status,)]
    assert desk("run", "resume", run_id).exit_code == 1


def test_show_says_who_was_not_reached_and_why_with_examples(desk: CommandLine, log_database_url: str) -> None:
    run_id = submit(desk)
    assert desk("partitions", "ensure", "--days", "1").exit_code == 0
    for number in range(6):
        outcome, why = ("sent", None) if number == 0 else ("failed", "recipient_permanent")
        sql(
            log_database_url,
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_code, error_message, sender_id, sent_at)"
            " VALUES (%s, %s, '100', %s, 1, %s, %s, 551, %s, 's', now())",
            uuid4(),
            run_id,
            str(7000 + number),
            outcome,
            why,
            "this person is\x1b[2J not available",
        )
    with psycopg.connect(log_database_url) as connection:
        count_again(connection)
    [missed] = shown(desk, run_id)["not_reached"]
    assert (missed["outcome"], missed["error_class"], missed["recipients"]) == ("failed", "recipient_permanent", 5)
    assert len(missed["examples"]) == 3
    assert {e["error_code"] for e in missed["examples"]} == {551}
    text = desk("run", "show", run_id).stdout
    assert "not available" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("word", ["show", "pause", "resume", "cancel"])
def test_unknown_run_is_said_and_exit_code_1(desk: CommandLine, word: str) -> None:
    result = desk("run", word, "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("newar: no run has the id nobody")


@pytest.mark.parametrize("words", [["pause", "9"], ["resume", "9"], ["breaker", "9", "open"]])
def test_unknown_page_is_said_and_exit_code_1(desk: CommandLine, words: list[str]) -> None:
    result = desk("page", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "page 9 never had a run" in result.stderr


def test_page_is_paused_and_its_breaker_opened_by_hand(desk: CommandLine, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.sadd(key("pages"), "100")

    def page() -> dict[str, Any]:
        [only] = json.loads(desk("page", "list", "--json").stdout)
        return dict(only)

    assert desk("page", "pause", "100").exit_code == 0
    assert page()["pause_reason"] == "by hand"
    assert "resumed by hand" in desk("page", "list").stdout
    assert desk("page", "resume", "100").exit_code == 0
    assert page()["paused_until_ms"] is None
    assert desk("page", "breaker", "100", "open").exit_code == 0
    assert page()["breaker"] == "open"
    assert desk("page", "breaker", "100", "close").exit_code == 0
    assert page()["breaker"] == "closed"


def submitted(desk: CommandLine, file: str, *more: str) -> Result:
    message, token = desk.file("hello.json", '\ufeff{"text": "Hi {{name}}"}'), desk.file("token", "\ufeffEAAtoken\n")
    return desk("run", "submit", file, "--page", "100", "--message", message, "--token-file", token, *more)


def test_a_file_of_a_spreadsheet_is_taken_and_it_is_said_how(desk: CommandLine, log_database_url: str) -> None:
    text = "Recipient ID;name;;\r\n'7000000000000001;Zo\u00eb;;\r\n7000000000000002;1,50;;\r\n;;;\r\n"
    (desk.folder / "people.csv").write_text(text, "utf-16", newline="")
    result = submitted(desk, "people.csv", "--anyway")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == (
        "people.csv: CSV with semicolons, UTF-16; columns recipient_id and variables name; "
        "2 empty columns and 1 empty row left out; 1 id mended (quotes)"
    )
    assert sql(log_database_url, "SELECT recipient_id, variables->>'name' FROM submitted_recipients ORDER BY 1") == [
        ("7000000000000001", "Zo\u00eb"),
        ("7000000000000002", "1,50"),
    ]


def test_an_excel_file_is_taken_and_one_with_rounded_ids_is_not(desk: CommandLine) -> None:
    save_sheet(desk.folder / "people.xlsx", [["Recipient ID", "name"], ["7000000000000001", "Zo\u00eb"], [7002, 12.0]])
    answer = json.loads(submitted(desk, "people.xlsx", "--json", "--anyway").stdout)
    assert (answer["recipients"], answer["taken_as"]) == (
        2,
        "people.xlsx: Excel, sheet '1'; columns recipient_id and variables name",
    )
    save_sheet(desk.folder / "rounded.xlsx", [["recipient_id"], [7000000000000001]])
    refused = submitted(desk, "rounded.xlsx")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("newar: line 2: column A holds a number of over 15 digits, which Excel")
    (desk.folder / "people.pdf").write_bytes(b"%PDF-1.7\n")
    assert "people.pdf is a PDF" in submitted(desk, "people.pdf").stderr
    assert len(json.loads(desk("run", "list", "--json").stdout)) == 1


def test_run_that_would_be_refused_and_lines_at_fault_are_told_at_once(desk: CommandLine) -> None:
    message = desk.file("hello.json", '{"text": "Hi"}')
    people = desk.file("people.csv", "recipient_id\n1\n")
    bad = desk("run", "submit", people, "--page", "x", "--message", message, "--on-unknown", "guess")
    assert bad.exit_code == 2
    assert "is not a page's number" in bad.stderr
    assert "on_unknown" in bad.stderr
    lines = desk.file("lines.csv", "recipient_id,name\nann,a\n2,b\n7.0E+15,c\n")
    bad = desk("run", "submit", lines, "--page", "1", "--message", message)
    assert bad.exit_code == 1
    assert "line 2: recipient_id is not a person's id" in bad.stderr
    assert "line 4: recipient_id looks like 7.0E+15: a spreadsheet has rounded it" in bad.stderr
    assert json.loads(desk("run", "list", "--json").stdout) == []
