"""Settings at the entry point: all problems at once, exit code 2, never a value; warnings about names."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ops.settings.checked import problems_of, read
from ops.settings.ignored_names import warnings_about
from schema.runtime.settings import KafkaSettings, LogDatabaseSettings, RedisSettings
from tests.unit.command_line import CommandLine

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
REQUIRED = {
    "runs": {"REDIS_URL", "LOG_DATABASE_URL", "TOKEN_ENCRYPTION_KEY"},
    "sender": {"REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "TOKEN_ENCRYPTION_KEY"},
    "ingest": {"REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "LOG_DATABASE_URL"},
    "api": {"REDIS_URL"},
    "migrate": {"LOG_DATABASE_URL"},
    "partitions list": {"LOG_DATABASE_URL"},
    "run list": {"REDIS_URL", "LOG_DATABASE_URL"},
    "page list": {"REDIS_URL"},
    "health sender": {"REDIS_URL"},
}


@pytest.mark.parametrize("command", REQUIRED)
def test_missing_settings_are_all_listed_with_what_to_write(newar: CommandLine, command: str) -> None:
    result = newar(*command.split())
    assert (result.exit_code, result.stdout) == (2, "")
    lines = result.stderr.splitlines()
    assert {line.split()[1] for line in lines} == REQUIRED[command]
    assert all("is not set; write for example" in line or "is not set; add one with" in line for line in lines)


def test_malformed_settings_are_all_listed_without_their_values(newar: CommandLine) -> None:
    newar.set(
        REDIS_URL="http://secret-one@host",
        KAFKA_BOOTSTRAP_SERVERS="secret-two",
        TOKEN_ENCRYPTION_KEY="secret-three",
        WORKER_CONCURRENCY="many-secret-four",
        LEASE_MS="-5",
    )
    result = newar("sender")
    assert result.exit_code == 2
    told = {line.removeprefix("newar: ").split(":")[0] for line in result.stderr.splitlines()}
    assert told == {"REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "TOKEN_ENCRYPTION_KEY", "WORKER_CONCURRENCY", "LEASE_MS"}
    assert "secret" not in result.output


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named_with_the_other_problems(
    newar: CommandLine, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    newar.set(GRAPH_CA_FILE=str(file), KAFKA_SSL_CAFILE=str(file))
    result = newar("sender")
    assert result.exit_code == 2
    told = [line for line in result.stderr.splitlines() if "is not a file with certificates" in line]
    assert sorted(line.split()[1] for line in told) == ["GRAPH_CA_FILE:", "KAFKA_SSL_CAFILE:"]


@pytest.mark.parametrize(
    ("command", "name", "url"),
    [
        ("page list", "REDIS_URL", "redis://:pass/secret@127.0.0.1:1/0"),
        ("migrate", "LOG_DATABASE_URL", "postgresql://me:100%secret@127.0.0.1:1/db"),
    ],
)
def test_an_address_that_cannot_be_read_does_not_show_its_password(
    newar: CommandLine, command: str, name: str, url: str
) -> None:
    newar.set(**{name: url})
    result = newar(*command.split())
    assert result.exit_code == 2
    assert name in result.stderr
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("name", "url", "problem"),
    [
        ("REDIS_URL", "redis://host/0x", "must end with the number of a database, or without one"),
        ("REDIS_URL", "redis://host/1/2", "must end with the number of a database, or without one"),
        ("LOG_DATABASE_URL", "postgresql://host/db?sslmode=secret", 'invalid sslmode value: "***"'),
        ("LOG_DATABASE_URL", "postgresql://me:a@secret@host/db", "cannot be read as an address; % @ : / # in the"),
        ("LOG_DATABASE_URL", "postgresql://a,b:secret/db", 'invalid integer value "***" for connection option "port"'),
        ("LOG_DATABASE_URL", "postgresql://host/db?connect_timeout=secret", "connect_timeout is not a number"),
        ("SOURCE_DATABASE_URL", "postgresql://host/db?channel_binding=secret", 'invalid channel_binding value: "***"'),
    ],
)
def test_an_address_that_no_client_takes_is_told_with_all_else(
    newar: CommandLine, name: str, url: str, problem: str
) -> None:
    newar.set(**{name: url}, POLL_INTERVAL_MS="seldom")
    result = newar("runs")
    assert result.exit_code == 2
    assert f"newar: {name}: {problem}" in result.stderr
    assert "newar: POLL_INTERVAL_MS: " in result.stderr
    assert "secret" not in result.output


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@h1:1,h2:2/db?sslmode=verify-full&sslrootcert=/none&target_session_attrs=any",
        "postgresql:///db?host=/run/postgresql&gssencmode=disable&connect_timeout=3",
        "postgresql://host/db?gssencmode=require&hostaddr=192.0.2.1",
    ],
)
def test_an_address_with_good_options_is_taken_without_a_look_at_its_server(newar: CommandLine, url: str) -> None:
    newar.set(LOG_DATABASE_URL=url)
    assert read(LogDatabaseSettings).log_database_url.get_secret_value() == url


def test_settings_that_do_not_go_together_are_told_with_all_else(newar: CommandLine) -> None:
    newar.set(KAFKA_SECURITY_PROTOCOL="SASL_SSL", MAX_SOCKETS="50", LEASE_MS="long")
    result = newar("sender")
    assert result.exit_code == 2
    assert "KAFKA_SECURITY_PROTOCOL=SASL_SSL needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in result.stderr
    assert "MAX_SOCKETS: 50 is less than WORKER_CONCURRENCY=100" in result.stderr
    assert "LEASE_MS: " in result.stderr


def test_up_tells_each_problem_once_though_several_services_have_it(newar: CommandLine) -> None:
    newar.set(REDIS_URL="a", KAFKA_BOOTSTRAP_SERVERS="b", LOG_DATABASE_URL="c", SOURCE_DATABASE_URL="d")
    newar.set(KAFKA_SECURITY_PROTOCOL="SASL_SSL", TOKEN_ENCRYPTION_KEY="e")
    result = newar("up")
    assert result.exit_code == 2
    assert sorted(line.split()[1] for line in result.stderr.splitlines()) == [
        *("KAFKA_BOOTSTRAP_SERVERS:", "KAFKA_SASL_PASSWORD:", "LOG_DATABASE_URL:", "REDIS_URL:"),
        *("SOURCE_DATABASE_URL:", "TOKEN_ENCRYPTION_KEY:"),
    ]


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_this_machines_is_told_as_such(newar: CommandLine, host: str) -> None:
    newar.set(REDIS_URL="redis://127.0.0.1:1/0", API_HOST=host, API_PORT="0", ADMIN_TOKEN="a")
    result = newar("api")
    assert result.exit_code == 2
    assert f"API_HOST={host}, API_PORT=0: cannot listen there" in result.stderr
    assert "write an address of this machine" in result.stderr
    assert "another port" not in result.stderr


def test_a_port_that_is_taken_is_told_as_such(newar: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        newar.set(REDIS_URL="redis://127.0.0.1:1/0", API_PORT=str(taken.getsockname()[1]))
        result = newar("api")
    assert result.exit_code == 2
    assert "choose another port" in result.stderr


def test_problems_of_several_classes_are_told_at_once_and_each_once(newar: CommandLine) -> None:
    problems = problems_of([RedisSettings, KafkaSettings, RedisSettings, LogDatabaseSettings])
    assert [p.split()[0] for p in problems] == ["REDIS_URL", "KAFKA_BOOTSTRAP_SERVERS", "LOG_DATABASE_URL"]


def test_settings_come_from_the_env_file_too(newar: CommandLine) -> None:
    newar.file(".env", "REDIS_URL=redis://127.0.0.1:1/0\n")
    assert read(RedisSettings).redis_url.get_secret_value() == "redis://127.0.0.1:1/0"


def test_unknown_names_only_warn(newar: CommandLine) -> None:
    newar.file(".env", "NODE_ENV=production\nCOLOUR=red\nSUPABASE_URL=https://hidden\n")
    newar.set(REDIS_URL="redis://127.0.0.1:1/0", MAX_SOCKET="7")
    result = newar("page", "list")
    assert result.exit_code == 1
    warnings = [line for line in result.stderr.splitlines() if "settings_ignored" in line]
    assert len(warnings) == 3
    assert "hidden" not in result.output


def test_a_name_like_a_known_one_is_asked_about() -> None:
    assert warnings_about(["WORKER_CONCURENCY", "HOME", "PATH", "REDIS_URI"], []) == [
        "REDIS_URI is unknown: did you mean REDIS_URL?",
        "WORKER_CONCURENCY is unknown: did you mean WORKER_CONCURRENCY?",
    ]


def test_a_name_like_one_that_is_set_belongs_to_somebody_else() -> None:
    assert warnings_about(["REDIS_URI", "REDIS_URL"], []) == []
    assert warnings_about(["DATABASE_URL"], ["LOG_DATABASE_URL"]) == []


def test_unknown_names_of_the_environment_are_nobodys_business_but_those_of_the_env_file_are() -> None:
    assert warnings_about(["COLOUR"], []) == []
    assert warnings_about([], ["COLOUR", "redis_url", "NEWAR_DEBUG"]) == [
        "COLOUR: unknown name in .env, not used here; see docs/settings.md"
    ]


def test_a_token_in_the_environment_is_never_shown(newar: CommandLine) -> None:
    secret = "EAAverysecret"
    newar.set(
        REDIS_URL=f"redis://:{secret}@127.0.0.1:1/0",
        LOG_DATABASE_URL=f"postgresql://newar:{secret}@127.0.0.1:1/newar",
        SOURCE_DATABASE_URL=f"postgresql://reader:{secret}@127.0.0.1:1/source",
        KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1",
        GRAPH_API_URL="http://127.0.0.1:1",
        TOKEN_ENCRYPTION_KEY=KEY,
        APP_SECRET=secret,
        ADMIN_TOKEN=secret,
        NEWAR_DEBUG="1",
    )
    people, message = newar.file("p.csv", "recipient_id\n1\n"), newar.file("m.json", '{"text": "Hi"}')
    submit = f"run submit {people} --page 1 --message {message} --token-file {newar.file('token', secret)}"
    for command in ("run list", "page list", "migrate", "partitions list", "doctor", "health sender", submit):
        result = newar(*command.split())
        assert result.exit_code == 1, command
        assert secret not in result.output, command
        assert KEY not in result.output, command


def test_impossible_rules_are_told_with_all_else_and_each_once(newar: CommandLine) -> None:
    newar.file("rules.toml", '[[rule]]\nname = "slow"\nscope = "page"\ncode = 32\naction = "pause"\nfactor = 2\n')
    newar.set(RULES_FILE="rules.toml", MAX_SOCKETS="50")
    for command in ("sender", "up"):
        result = newar(command)
        assert result.exit_code == 2
        told = [line for line in result.stderr.splitlines() if "rules.toml" in line]
        assert told == [
            "newar: rules.toml, rule 1 (slow): factor = 2: write a number from 0.02 to 1",
            'newar: rules.toml, rule 1 (slow): pause needs for; write for example for = "60s"',
            "newar: rules.toml, rule 1 (slow): factor means nothing to pause; leave it out",
        ]
        assert "MAX_SOCKETS: 50 is less than WORKER_CONCURRENCY=100" in result.stderr


def test_a_file_of_rules_that_is_not_there_is_told_with_what_to_write(newar: CommandLine) -> None:
    newar.set(RULES_FILE="none.toml", REDIS_URL="redis://127.0.0.1:1/0", KAFKA_BOOTSTRAP_SERVERS="a:1")
    newar.set(TOKEN_ENCRYPTION_KEY=KEY)
    result = newar("sender")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "newar: none.toml cannot be read (No such file or directory); write RULES_FILE with"
    )
    assert "none.toml cannot be read" in newar("doctor").output
