"""`newar pause --all`, `run extend`, `audit`: what people do in an emergency, also while the log database is away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from ops.shell.person import who
from schema.keys import key
from tests.integration.commands.processes import serving
from tests.integration.commands.runs import shown, submit
from tests.integration.commands.servers import sql, until
from tests.unit.api.contents import now_ms, write_run
from tests.unit.command_line import CommandLine

AWAY = "postgresql://newar:hidden-password@127.0.0.1:1/newar"
HOUR_MS = 3_600_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def trail(newar: CommandLine, *words: str) -> list[tuple[str, str, bool]]:
    result = newar("audit", *words, "--json")
    return [(act["what"], act["target"], act["waiting"]) for act in json.loads(result.stdout)["acts"]]


def run_in_queue(client: redis.Redis, url: str, run_id: str = "r", **fields: Any) -> int:
    """A run that was taken; return when it expires (ms)."""
    expires_at_ms = now_ms() + HOUR_MS
    write_run(client, run_id, left=3, expires_at_ms=expires_at_ms, **fields)
    sql(
        url,
        "INSERT INTO runs (run_id, page_id, source, state, queue_epoch, expires_at)"
        " VALUES (%s, '1', 'source', 'active', 'e', to_timestamp(%s / 1000.0))",
        *(run_id, expires_at_ms),
    )
    return expires_at_ms


def test_everything_is_paused_and_resumed_without_the_log_database(newar: CommandLine, client: redis.Redis) -> None:
    newar.set(LOG_DATABASE_URL=AWAY)
    answer = newar("pause", "--all")
    assert (answer.exit_code, "newar resume --all" in answer.stdout) == (0, True)
    assert client.hget(key("app"), "pause_reason") == b"by hand"
    assert json.loads(newar("resume", "--all", "--json").stdout) == {"done": "resumed"}
    assert not client.hexists(key("app"), "paused_until_ms")


def test_the_trail_shows_what_waits_and_says_that_the_log_database_is_away(newar: CommandLine) -> None:
    newar.set(LOG_DATABASE_URL=AWAY)
    newar("pause", "--all")
    result = newar("audit")
    assert result.exit_code == 1
    assert who() in result.stdout
    assert "not in the log yet" in result.stdout
    assert "the log database" in result.stderr
    assert "hidden" not in result.stderr


def test_the_trail_comes_from_the_log_database_and_from_what_waits(
    desk: CommandLine, client: redis.Redis, log_database_url: str
) -> None:
    sql(
        log_database_url,
        "INSERT INTO audit (at, who, what, target) VALUES (now() - interval '3 days', 'bob', 'x', '7')",
    )
    client.sadd(key("pages"), "7")
    desk("page", "pause", "7")
    desk("pause", "--all")
    everything = [("pause --all", "all pages", True), ("page pause", "7", True), ("x", "7", False)]
    assert trail(desk) == everything
    assert trail(desk, "--target", "7") == everything[1:]
    assert trail(desk, "--since", "2d", "--target", "7") == everything[1:2]
    assert trail(desk, "--limit", "1") == everything[:1]
    with serving("runs") as process:
        until(lambda: not any(waiting for *_, waiting in trail(desk)))
        process.terminate()
        process.communicate()
    assert trail(desk) == [(what, target, False) for what, target, _ in everything]
    assert json.loads(desk("audit", "--json").stdout)["waiting"] == 0


def test_the_trail_without_redis_is_what_the_log_database_has(desk: CommandLine, log_database_url: str) -> None:
    sql(log_database_url, "INSERT INTO audit (who, what, target) VALUES ('bob', 'run cancel', 'r')")
    desk.set(REDIS_URL="redis://127.0.0.1:1")
    result = desk("audit", "--json")
    assert (result.exit_code, json.loads(result.stdout)["waiting"]) == (1, None)
    assert [act["who"] for act in json.loads(result.stdout)["acts"]] == ["bob"]
    assert "Redis" in result.stderr


def test_a_run_is_paused_and_cancelled_without_the_log_database(
    desk: CommandLine, client: redis.Redis, log_database_url: str
) -> None:
    run_in_queue(client, log_database_url)
    desk.set(LOG_DATABASE_URL=AWAY)
    assert desk("run", "pause", "r").exit_code == 0
    assert client.hget(key("run:r"), "hold:operator") == who().encode()
    cancelled = desk("run", "cancel", "r")
    assert (cancelled.exit_code, cancelled.stdout) == (0, "run r: cancelled\n")
    assert "repeat it" in cancelled.stderr
    assert client.hget(key("run:r"), "state") == b"cancelled"
    assert desk("run", "resume", "r").exit_code == 1


def test_what_is_done_to_a_run_that_nobody_has_taken_is_in_the_trail(desk: CommandLine, log_database_url: str) -> None:
    run_id = submit(desk)
    for word in ("pause", "resume", "cancel"):
        assert desk("run", word, run_id).exit_code == 0
    rows = sql(log_database_url, "SELECT who, what, target, stream_id FROM audit ORDER BY id")
    assert rows == [(who(), f"run {word}", run_id, None) for word in ("submit", "pause", "resume", "cancel")]


def test_a_braked_run_says_why_and_is_resumed(desk: CommandLine, client: redis.Redis, log_database_url: str) -> None:
    brake: dict[str, Any] = {
        "hold:brake": 1,
        "brake_rule": "content-reported",
        "brake_reason": "368/1346003",
        "brake_at_ms": now_ms(),
    }
    run_in_queue(client, log_database_url, **brake)
    run = shown(desk, "r")
    assert (run["state"], run["held_by"], run["brake_rule"]) == ("paused", ["brake"], "content-reported")
    assert run["brake_reason"] == "368/1346003"
    text = desk("run", "show", "r").stdout
    assert "newar run resume r" in text
    assert "brake" in desk("run", "list").stdout
    assert desk("run", "resume", "r").exit_code == 0
    run = shown(desk, "r")
    assert (run["state"], run["held_by"], run["brake_rule"], run["brake_at"]) == ("active", [], None, None)


def test_a_held_run_that_expires_soon_is_shown_so_and_extended(
    desk: CommandLine, client: redis.Redis, log_database_url: str
) -> None:
    expires_at_ms = run_in_queue(client, log_database_url)
    assert not shown(desk, "r")["expires_soon"]
    desk("run", "pause", "r")
    assert shown(desk, "r")["expires_soon"]
    assert "(operator), expires in " in desk("run", "list").stdout
    assert "newar run extend r" in desk("run", "show", "r").stdout
    assert desk("run", "extend", "r", "--by", "1d").exit_code == 0
    later_ms = expires_at_ms + 24 * HOUR_MS
    assert client.hget(key("run:r"), "expires_at_ms") == str(later_ms).encode()
    assert json.loads(client.hget(key("run:r"), "spec") or b"") == {"expires_at_ms": later_ms}
    assert client.zscore(key("expiries"), "r") == later_ms
    assert sql(log_database_url, "SELECT extract(epoch FROM expires_at) * 1000 FROM runs") == [(later_ms,)]
    assert not shown(desk, "r")["expires_soon"]
    assert ("run extend", "r", True) in trail(desk)


def test_extending_twice_to_one_moment_is_done_once_and_follows_in_the_log_database(
    desk: CommandLine, client: redis.Redis, log_database_url: str
) -> None:
    run_in_queue(client, log_database_url)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 90_000))
    desk.set(LOG_DATABASE_URL=AWAY)
    first = desk("run", "extend", "r", "--until", moment)
    assert (first.exit_code, "repeat it" in first.stderr) == (0, True)
    desk.set(LOG_DATABASE_URL=log_database_url)
    assert desk("run", "extend", "r", "--until", moment).exit_code == 0
    [(at,)] = sql(
        log_database_url, "SELECT to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM runs"
    )
    assert at == moment
    assert trail(desk) == [("run extend", "r", True)]


@pytest.mark.parametrize(
    ("fields", "words", "said"),
    [
        ({}, ["--until", "2020-01-01T00:00:00Z"], "write a later moment"),
        ({"state": "finished"}, ["--by", "2h"], "cannot be extended: it is finished"),
        ({"state": "expired"}, ["--by", "2h"], "cannot be extended: it is expired"),
    ],
)
def test_a_run_that_cannot_be_extended_says_why(
    desk: CommandLine, client: redis.Redis, log_database_url: str, fields: dict[str, Any], words: list[str], said: str
) -> None:
    run_in_queue(client, log_database_url, **fields)
    result = desk("run", "extend", "r", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert trail(desk) == []


def test_an_unknown_run_cannot_be_extended(desk: CommandLine) -> None:
    assert "no run has the id nobody" in desk("run", "extend", "nobody", "--by", "2h").stderr
