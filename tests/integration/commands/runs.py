"""Runs as a person submits them and looks at them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.unit.command_line import CommandLine

TOKEN = "EAAverysecret"


def submit(newar: CommandLine, *more: str) -> str:
    """Submit a run to three people by `newar run submit`; return its id."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rows = "".join(f"{who},{name},{now}\n" for who, name in (("7001", "Ann"), ("7002", "Bob"), ("7003", "")))
    people = newar.file("people.csv", f"recipient_id,name,last_interaction_at\n{rows}")
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
