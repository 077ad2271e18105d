"""Help, wrong usage, and files given on the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ops.generated_docs.commands_page import leaf_commands
from tests.unit.command_line import CommandLine

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
AWAY = "postgresql://newar:hidden-password@127.0.0.1:1/newar"


@pytest.mark.parametrize("path", [path for path, _ in leaf_commands()])
def test_every_command_has_help_with_an_example(newar: CommandLine, path: str) -> None:
    result = newar(*path.split()[1:], "--help")
    assert result.exit_code == 0
    assert "sage: newar" in result.stdout
    assert "xample" in result.stdout.rsplit("--help", 1)[1]


def test_all_commands_of_the_contract_are_there() -> None:
    assert {path.removeprefix("newar ") for path, _ in leaf_commands()} >= {
        *("runs", "sender", "ingest", "api", "migrate", "doctor", "health", "fakegraph"),
        *("partitions ensure", "partitions drop", "partitions list"),
        *("run submit", "run list", "run show", "run pause", "run resume", "run cancel"),
        *("page list", "page pause", "page resume", "page breaker"),
        *("pause", "resume", "run extend", "audit"),
        *("limits show", "limits explain", "limits set", "limits reset"),
    }


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-command"],
        ["run", "no-such-command"],
        ["run", "show"],
        ["run", "list", "--limit", "0"],
        ["runs", "--no-such-option"],
        ["partitions", "ensure", "--days", "x"],
        ["partitions", "drop", "--keep-days", "0"],
        ["page", "breaker", "100", "ajar"],
        ["pause"],
        ["resume"],
        ["run", "extend", "r"],
        ["run", "extend", "r", "--by", "2h", "--until", "2026-11-22T09:30:00Z"],
        ["run", "extend", "r", "--by", "soon"],
        ["audit", "--since", "yesterday"],
        ["health", "kitchen"],
        ["run", "submit", "no-such-file.csv", "--page", "1", "--message", "-"],
        ["fakegraph", "--no-such-option"],
        ["fakegraph", "--errors", "nonsense"],
        ["fakegraph", "--port", "65536"],
        ["fakegraph", "--behaviour", '{"usage": {"100": -1}}'],
    ],
)
def test_wrong_usage_ends_with_2_and_nothing_on_stdout(newar: CommandLine, words: list[str]) -> None:
    result = newar(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.strip()
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("places", [("5", "3"), ("2h", "3h"), ("2026-11-22T09:30:00Z", "2026-11-22T09:00:00Z")])
def test_a_replay_that_ends_before_it_begins_is_wrong_usage(newar: CommandLine, places: tuple[str, str]) -> None:
    result = newar("log", "replay", "--from", places[0], "--to", places[1])
    assert result.exit_code == 2
    assert "it ends before it begins" in result.stderr


def test_a_message_that_is_no_json_object_is_wrong_usage(newar: CommandLine) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, TOKEN_ENCRYPTION_KEY=KEY)
    people = newar.file("people.csv", "recipient_id\n1\n")
    for text in ("", "[]", '"text"', "{", '{"text": NaN}'):
        result = newar("run", "submit", people, "--page", "1", "--message", "-", stdin=text)
        assert result.exit_code == 2, text
        assert "--message" in result.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--page", "abc"], "page_id 'abc' is not a page's number"),
        (["--page", "1", "--messaging-type", "PROMO"], "messaging_type 'PROMO' is unknown"),
        (["--page", "1", "--run-id", " "], "run_id is empty"),
    ],
)
def test_a_run_that_would_be_refused_is_wrong_usage(newar: CommandLine, words: list[str], reason: str) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, TOKEN_ENCRYPTION_KEY=KEY)
    people, message = newar.file("people.csv", "recipient_id\n1\n"), newar.file("m.json", '{"text": "Hi"}')
    result = newar("run", "submit", people, "--message", message, *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"newar: {reason}")


def test_a_message_that_meta_would_refuse_is_wrong_usage_unless_its_rule_is_off(newar: CommandLine) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, TOKEN_ENCRYPTION_KEY=KEY)
    people = newar.file("people.csv", "recipient_id\n1\n")
    message = newar.file("m.json", '{"recipient": {"id": "1"}, "message": {"text": ""}}')
    result = newar("run", "submit", people, "--page", "1", "--message", message)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("newar: message: recipient, message belong to the request")
    assert result.stderr.rstrip().endswith("; message.message.text: empty: write a text (rule blank-text)")
    newar.set(MESSAGE_RULES_OFF="whole-request,blank-text")
    result = newar("run", "submit", people, "--page", "1", "--message", message)
    assert (result.exit_code, "rule" in result.stderr) == (1, False)  # the log database is away
    newar.set(MESSAGE_RULES_OFF="empty-text")
    result = newar("run", "submit", people, "--page", "1", "--message", message)
    assert result.exit_code == 2
    assert "newar: MESSAGE_RULES_OFF: empty-text: no such rule" in result.stderr


@pytest.mark.parametrize("window", ["", " "])
def test_an_empty_send_window_is_not_taken_for_any_hour(newar: CommandLine, window: str) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, TOKEN_ENCRYPTION_KEY=KEY)
    people, message = newar.file("people.csv", "recipient_id\n1\n"), newar.file("m.json", '{"text": "Hi"}')
    result = newar("run", "submit", people, "--page", "1", "--message", message, "--send-window", window)
    assert (result.exit_code, "--send-window: is empty" in result.stderr) == (2, True)


def test_a_wrong_choice_is_told_with_the_right_ones(newar: CommandLine) -> None:
    result = newar("page", "breaker", "100", "sideways")
    assert result.exit_code == 2
    assert "Invalid value for 'open|close': 'sideways' is not one of 'open', 'close'." in result.stderr


@pytest.mark.parametrize("data", ["people.csv/data", "/proc"])
def test_a_data_folder_that_cannot_be_written_is_told_with_all_else(newar: CommandLine, data: str) -> None:
    newar.file("people.csv", "")
    newar.set(WORKER_CONCURRENCY="many")
    result = newar("up", "--data", data)
    assert result.exit_code == 2
    [settings, folder] = result.stderr.splitlines()
    assert settings.startswith("newar: WORKER_CONCURRENCY: ")
    assert folder.startswith(f"newar: --data {Path.cwd() / data}: no files can be made there (")
    assert folder.endswith("; name a folder of your own")


@pytest.mark.parametrize("moment", ["tomorrow", "2026-11-22T09:30:00", ""])
def test_a_moment_without_time_zone_is_wrong_usage(newar: CommandLine, moment: str) -> None:
    people, message = newar.file("people.csv", "recipient_id\n1\n"), newar.file("m.json", '{"text": "Hi"}')
    result = newar("run", "submit", people, "--page", "1", "--message", message, "--scheduled-at", moment)
    assert result.exit_code == 2
    assert "2026-11-22T09:30:00Z" in result.stderr


@pytest.mark.parametrize("content", ["", "EAAone EAAtwo", "EAAone\nEAAtwo", "EAA\x9d"])
def test_a_token_file_with_anything_but_a_token_is_refused_without_showing_it(newar: CommandLine, content: str) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, TOKEN_ENCRYPTION_KEY=KEY)
    words = [newar.file("people.csv", "recipient_id\n1\n"), "--page", "1", "--message", newar.file("m.json", "{}")]
    result = newar("run", "submit", *words, "--token-file", newar.file("token", content))
    assert result.exit_code == 2
    assert "--token-file" in result.stderr
    assert "EAA" not in result.output


def test_a_server_that_is_away_is_one_line_and_exit_code_1(newar: CommandLine) -> None:
    newar.set(LOG_DATABASE_URL=AWAY, REDIS_URL="redis://:hidden-password@127.0.0.1:1/0")
    for words, part in ((["migrate"], "the log database"), (["page", "list"], "Redis")):
        result = newar(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"newar: {part}: ")
        assert result.stderr.count("\n") == 1
        assert "hidden" not in result.stderr


def test_a_traceback_is_shown_only_when_asked_for_and_holds_no_password(newar: CommandLine) -> None:
    newar.set(LOG_DATABASE_URL=AWAY)
    assert "Traceback" not in newar("migrate").stderr
    newar.set(NEWAR_DEBUG="1")
    shown = newar("migrate").stderr
    assert "Traceback" in shown
    assert "hidden" not in shown


def test_python_m_ops_is_newar() -> None:
    project = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    command = [sys.executable, "-m", "ops", "page", "breaker", "1", "ajar"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "newar page breaker --help" in ended.stderr


def test_the_version_is_the_installed_one(newar: CommandLine) -> None:
    answer = newar("--version")
    assert (answer.exit_code, answer.stdout) == (0, f"newar {metadata.version('newar-message-sender')}\n")
