"""The commands that a login needs: none is missing from the list, none is too much, and it is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schema.redis_commands import (
    HELPFUL,
    NEEDED,
    OUR_KEYS,
    SHOWN_BY_USE,
    TRIALS,
    allowing,
    grant,
    in_words,
    login_of_our_own,
)

ROOT = Path(__file__).parents[3]
SCRIPTS = "".join(
    re.sub(r"--.*", "", path.read_text()) for path in (ROOT / "sender" / "queue" / "scripts").rglob("*.lua")
)
CALLED = {name.lower() for name in re.findall(r"redis\.p?call\(\s*'(\w+)'", SCRIPTS)}
HANDED_ON = {name.lower() for name in re.findall(r"(?:queue_record|in_slices)\('(\w+)'", SCRIPTS)}
BENCHES = ("ops/bench/", "ops/demo/", "ops/local/")
PYTHON = {
    path: path.read_text()
    for room in ("schema", "sender", "ingest", "ops")
    for path in (ROOT / room).rglob("*.py")
    if not str(path.relative_to(ROOT)).startswith(BENCHES) and path.name != "redis_commands.py"
}
NOT_NEEDED = {"config_get", "memory_stats", "info", "wait"}
"""Who asks goes on where they are refused."""


def from_python() -> set[str]:
    """Names of commands as they are written out, and as methods of redis-py's clients and pipelines."""
    text = "".join(PYTHON.values())
    written = {
        name.lower()
        for name in re.findall(r'(?:command, |_command\(redis, |^ +\(|return \(|\[\()"([A-Z]{3,})"', text, re.M)
    }
    methods = set(re.findall(r"(?:\b_?redis|\bpipe|\bcalls)\.([a-z]\w+)\(", text))
    known = {"pipeline", "aclose", "execute", "execute_command", "from_url", "script_load"}
    return written | (methods - known) | {"evalsha", "script|load", "select"}


def test_every_command_of_the_scripts_is_in_the_list() -> None:
    assert CALLED
    assert {"lpush", "rpush", "zadd", "hset"} == HANDED_ON
    assert not (CALLED | HANDED_ON) - set(NEEDED)


def test_no_script_hides_the_name_of_a_command() -> None:
    hidden = re.findall(r"redis\.p?call\(\s*[^'\s]\w*", SCRIPTS)
    assert sorted(hidden) == ["redis.call(command", "redis.call(push", "redis.pcall(unpack"]


def test_every_command_of_the_services_is_in_the_list() -> None:
    assert {"hvals", "xrange", "xrevrange", "expire"} <= from_python()
    assert not from_python() - set(NEEDED) - NOT_NEEDED


def test_nothing_is_granted_in_vain() -> None:
    assert not set(NEEDED) - CALLED - HANDED_ON - from_python()
    assert len(set(NEEDED)) == len(NEEDED) == len(SHOWN_BY_USE) + len(TRIALS)
    assert not set(HELPFUL) & set(NEEDED)


@pytest.mark.parametrize("trial", TRIALS)
def test_a_trial_touches_no_key_but_the_one_that_does_not_exist(trial: str) -> None:
    command, *words = trial.split()
    assert command == "time" or words[0] == "k"


def test_the_login_is_documented_as_it_is() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert f"\n    {login_of_our_own()}\n" in page
    assert all(f"`+{command.replace('|', chr(92) + '|')}`" in page for command in HELPFUL)


def test_a_grant_is_one_line_and_rules_have_words() -> None:
    assert grant("a", allowing(["hset", "script|load"])) == "ACL SETUSER a +hset +script|load"
    said = [in_words(rule) for rule in ("+hset", "+script|load", OUR_KEYS)]
    assert said == ["HSET", "SCRIPT LOAD", "anything on keys named newar:*"]
