"""Runs as a person submits them and looks at them."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.command_line import CommandLine

TOKEN = "EAAverysecret"


def submit(newar: CommandLine, *more: str) -> str:
    """Submit a run to three people by `newar run submit`; return its id."""
    people = newar.file("people.csv", "recipient_id,name\n7001,Ann\n7002,Bob\n7003,\n")
    message, token = newar.file("hello.json", '{"text": "Hi {{name|you}}"}'), newar.file("token", f"{TOKEN}\n")
    words = ["run", "submit", people, "--page", "100", "--message", message, "--token-file", token]
    result = newar(*words, *more, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["recipients"] == 3
    return str(answer["run_id"])


def shown(newar: CommandLine, run_id: str) -> dict[str, Any]:
    result = newar("run", "show", run_id, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer
