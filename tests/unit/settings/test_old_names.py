"""The original's `.env`: services take what means the same, refuse what is said twice, and everybody says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.api.settings import ApiSettings
from ops.settings.checked import read
from ops.settings.ignored_names import about_old, of_the_original, warnings_about
from schema.runtime.given import UP_FILE
from schema.runtime.old_names import OLD_NAMES
from schema.runtime.settings import (
    LogDatabaseSettings,
    RedisSettings,
    SettingsError,
    SourceDatabaseSettings,
)
from sender.settings import SenderSettings
from tests.unit.command_line import CommandLine

ORIGINAL = """\
SERVICE_TYPE=run-processor  # Options: run-processor, message-worker, api
NODE_ENV=production
REDIS_HOST=127.0.0.1
REDIS_PORT=1
REDIS_PASSWORD=hidden-1
REDIS_DB=2
POSTGRES_HOST=127.0.0.1
POSTGRES_PORT=1
POSTGRES_USER=postgres
POSTGRES_PASSWORD=hidden-2
POSTGRES_DB=message_sender
POSTGRES_SCHEMA=public
SUPABASE_URL=https://hidden.supabase.co
SUPABASE_SERVICE_ROLE_KEY=hidden-3
WORKER_CONCURRENCY=50  # Number of concurrent jobs per worker
LOG_LEVEL=info
CIRCUIT_BREAKER_ENABLED=true
CIRCUIT_BREAKER_TIMEOUT_MS=60000  # a minute
API_PORT=3000
API_ENABLE_BULL_BOARD=true
"""
WITHOUT_USE = ["SERVICE_TYPE", "NODE_ENV", "POSTGRES_SCHEMA", "SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY"]
WITHOUT_USE += ["LOG_LEVEL", "CIRCUIT_BREAKER_ENABLED", "API_ENABLE_BULL_BOARD"]


def test_the_originals_file_sets_what_means_the_same(newar: CommandLine) -> None:
    newar.file(".env", ORIGINAL)
    newar.set(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1", TOKEN_ENCRYPTION_KEY=43 * "A" + "=")
    sender = read(SenderSettings)
    assert sender.redis_url.get_secret_value() == "redis://:hidden-1@127.0.0.1:1/2"
    assert (sender.worker_concurrency, sender.circuit_breaker_cooldown_ms) == (50, 60_000)
    log_url = read(LogDatabaseSettings).log_database_url.get_secret_value()
    assert log_url == "postgresql://postgres:hidden-2@127.0.0.1:1/message_sender"
    assert read(SourceDatabaseSettings).source_database_url is None
    assert read(ApiSettings).api_port == 3000


def test_the_doctor_says_of_every_name_what_becomes_of_it_and_no_secret(newar: CommandLine) -> None:
    newar.file(".env", ORIGINAL)
    result = newar("doctor")
    assert result.exit_code == 2
    assert "hidden" not in result.output
    lines = [line.split(None, 2) for line in result.stdout.splitlines()]
    told = {text.split(":")[0]: status for status, part, text in lines if part == "settings"}
    assert [name for name in told if told[name] == "warn"] == WITHOUT_USE
    names = [line.split("=")[0] for line in ORIGINAL.splitlines()]
    assert {name for name in names if OLD_NAMES[name].new != name} <= told.keys()
    assert f"warn  settings          {about_old('SUPABASE_URL')}" in result.stdout
    assert "check REDIS_HOST, REDIS_PORT, REDIS_PASSWORD, REDIS_DB, and that the server runs" in result.stdout


def test_other_commands_list_the_names_without_use_in_one_line(newar: CommandLine) -> None:
    newar.file(".env", ORIGINAL)
    [warning] = [line for line in newar("page", "list").stderr.splitlines() if "settings_ignored" in line]
    assert f"{', '.join(sorted(WITHOUT_USE))}: of the original, not used here; newar doctor says" in warning


@pytest.mark.parametrize("service", ["api", "up"])
def test_two_names_that_say_different_things_are_an_error_that_names_both(newar: CommandLine, service: str) -> None:
    newar.file(".env", "REDIS_HOST=one\nREDIS_PASSWORD=secret-1\nPORT=80\n")
    newar.set(REDIS_URL="redis://:secret-2@one/0", API_PORT="81", LEASE_MS="x")
    result = newar(service)
    assert result.exit_code == 2
    assert "newar: REDIS_URL and REDIS_PASSWORD are both set, and say different things: keep REDIS_URL" in result.stderr
    assert "newar: API_PORT and PORT are both set" in result.stderr
    assert "newar: LEASE_MS: " in result.stderr
    assert "secret" not in result.output


def test_a_new_name_counts_where_the_old_one_says_the_same(newar: CommandLine) -> None:
    newar.file(".env", "REDIS_HOST=one\nREDIS_URL=rediss://me:pw@one:6379/3\n")
    assert read(RedisSettings).redis_url.get_secret_value() == "rediss://me:pw@one:6379/3"


def test_old_names_of_a_person_count_more_than_what_newar_up_wrote(newar: CommandLine, tmp_path: Path) -> None:
    (newar.folder / UP_FILE).parent.mkdir()
    newar.file(UP_FILE, "REDIS_URL=redis://127.0.0.1:2/0\n")
    newar.file(".env", "REDIS_HOST=one\n")
    assert read(RedisSettings).redis_url.get_secret_value() == "redis://one:6379/"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("REDIS_HOST=one\nREDIS_PORT=tcp://hidden\n", "REDIS_HOST, REDIS_PORT: cannot be read as an address"),
        ("REDIS_HOST=redis://hidden:1\n", "REDIS_HOST: cannot be read as an address"),
        ("REDIS_HOST=one\nREDIS_DB=hidden\n", "REDIS_HOST, REDIS_DB: must end with the number of a database"),
    ],
)
def test_what_is_wrong_is_told_by_the_names_that_were_written(newar: CommandLine, text: str, problem: str) -> None:
    newar.file(".env", text)
    with pytest.raises(SettingsError) as caught:
        read(RedisSettings)
    [told] = caught.value.problems
    assert told.startswith(problem)
    assert "write for example REDIS_URL=redis://" in told
    assert "hidden" not in told


def test_names_of_the_environment_count_where_it_is_the_originals() -> None:
    mine = ["NODE_ENV", "DEBUG", "REDIS_PORT", "CIRCUIT_BREAKER_TIMEOUT_MS"]
    assert of_the_original(mine, []) == (["CIRCUIT_BREAKER_TIMEOUT_MS"], [])
    _, without_use = of_the_original([*mine, "SUPABASE_URL"], [])
    assert without_use == ["NODE_ENV", "REDIS_PORT", "SUPABASE_URL", "DEBUG"]
    assert warnings_about(mine, OLD_NAMES) == []


def test_composes_password_is_no_name_of_the_original(newar: CommandLine) -> None:
    assert of_the_original([], ["POSTGRES_PASSWORD"]) == ([], [])
