"""`newar user`: who may sign in, and keys of programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.commands.servers import sql
from tests.unit.command_line import CommandLine

PASSWORD = "correct horse battery"


@pytest.fixture
def with_password(desk: CommandLine) -> CommandLine:
    desk.file("password.txt", f"{PASSWORD}\r\nsomething else\n")
    return desk


def test_users_come_change_and_go_and_all_of_it_is_on_record(with_password: CommandLine, log_database_url: str) -> None:
    newar = with_password
    for words in (
        ("add", "maria", "--role", "operator", "--page", "7", "--page", "5", "--password-file", "password.txt"),
        ("change", "maria", "--role", "admin", "--all-pages"),
        ("change", "maria", "--disable"),
        ("password", "maria", "--password-file", "password.txt"),
    ):
        result = newar("user", *words)
        assert result.exit_code == 0, result.stderr
        assert PASSWORD not in result.output
    [listed] = json.loads(newar("user", "list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["pages"], listed["disabled"]) == ("maria", "admin", None, True)
    assert "maria" in newar("user", "list").stdout
    assert newar("user", "remove", "maria").exit_code == 0
    rows: list[Any] = sql(log_database_url, "SELECT what, target, detail FROM audit ORDER BY id")
    assert rows == [
        ("user add", "maria", "operator, pages 5 7"),
        ("user change", "maria", "admin, every page"),
        ("user change", "maria", "disabled"),
        ("user password", "maria", ""),
        ("user remove", "maria", ""),
    ]


def test_a_password_is_asked_for_and_never_shown(desk: CommandLine) -> None:
    result = desk("user", "add", "maria", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert (result.exit_code, PASSWORD in result.output) == (0, False)


def test_a_key_is_shown_once(desk: CommandLine, log_database_url: str) -> None:
    added = desk("user", "key", "add", "crm", "--role", "operator", "--page", "7")
    assert added.exit_code == 0, added.stderr
    secret = added.stdout.strip()
    assert secret.startswith("newar_key_")
    [listed] = json.loads(desk("user", "key", "list", "--json").stdout)
    assert (listed["name"], listed["pages"], secret in str(listed)) == ("crm", ["7"], False)
    assert desk("user", "key", "remove", "crm").exit_code == 0
    assert json.loads(desk("user", "key", "list", "--json").stdout) == []
    assert desk("user", "key", "add", "crm").exit_code == 0  # the name is free again
    whats = [row[0] for row in sql(log_database_url, "SELECT what FROM audit ORDER BY id")]
    assert whats == ["user key add", "user key remove", "user key add"]


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (["add", "Jos\u00e9"], PASSWORD, "letters without accents"),
        (["add", "a b"], PASSWORD, "letters without accents"),
        (["add", "x" * 65], PASSWORD, "1 to 64"),
        (["add", "x"], "short", "12 to 256 characters"),
        (["add", "x", "--page", "1\n2"], PASSWORD, "no page's number"),
        (["add", "there"], PASSWORD, "there is a user there already"),
        (["change", "nobody", "--role", "admin"], "", "there is no user nobody"),
        (["remove", "nobody"], "", "there is no user nobody"),
        (["password", "nobody"], PASSWORD, "there is no user nobody"),
        (["key", "remove", "nobody"], "", "there is no key nobody"),
        (["add", "x", "--password-file", "nothing.txt"], "", "cannot be read as a file with a password"),
        (["change", "there"], "", "say what to change"),
        (["change", "there", "--page", "1", "--all-pages"], "", "not both"),
    ],
)
def test_what_cannot_be_is_said(desk: CommandLine, words: list[str], stdin: str, said: str) -> None:
    twice = f"{stdin}\n{stdin}\n" if stdin else ""
    assert desk("user", "add", "there", stdin=f"{PASSWORD}\n{PASSWORD}\n").exit_code == 0
    result = desk("user", *words, stdin=twice)
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.stderr.split())


def test_a_database_without_users_says_so(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url)
    result = newar("user", "list")
    assert (result.exit_code, "newar migrate" in result.stderr) == (1, True)
