"""A login of Redis with the documented rights and no others: everything works with it, and what is missing is named."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from redis import Redis

from schema.redis_commands import NEEDED
from tests.integration.commands.processes import line_with, serving
from tests.integration.commands.runs import shown, submit
from tests.integration.commands.servers import until
from tests.integration.redis_login import as_replica, change_login
from tests.unit.command_line import CommandLine


@pytest.fixture
def limited(desk: CommandLine, limited_url: str) -> CommandLine:
    """The command with that login."""
    desk.set(REDIS_URL=limited_url, ENFORCE_MESSAGING_WINDOW="false")
    return desk


@contextmanager
def graph() -> Iterator[str]:
    """A stand-in Graph API; its URL."""
    command = [sys.executable, "-m", "ops.fakegraph", "--port", "0", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["url"])
        process.communicate()


def redis_findings(newar: CommandLine) -> list[tuple[str, str, str]]:
    found = json.loads(newar("doctor", "--json").stdout)
    return [(f["status"], f["text"], f["mend"]) for f in found if f["part"] == "redis"]


def refused(admin: Redis) -> set[str]:
    """What the server denied to anybody; redis-py asks for the one that is left out, and can do without."""
    return {str(entry["object"]) for entry in admin.acl_log()} - {"client|setinfo"}


def test_no_command_that_is_needed_is_dangerous(admin: Redis) -> None:
    forbidden = {str(name) for category in ("dangerous", "admin") for name in _texts(admin.acl_cat(category))}
    assert "info" in forbidden
    assert not forbidden & set(NEEDED)


def _texts(names: object) -> list[str]:
    assert isinstance(names, list)
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def test_services_and_commands_need_nothing_but_what_is_documented(limited: CommandLine, admin: Redis) -> None:
    with graph() as url:
        limited.set(GRAPH_API_URL=url)
        with serving("up") as process:
            address = json.loads(line_with(process, "newar_is_up"))["dashboard"].removesuffix("/admin")
            first = submit(limited)
            until(lambda: shown(limited, first)["state"] == "finished")
            assert shown(limited, first)["outcomes"]["sent"] == 3
            _steer(limited)
            answers = {p: httpx.get(address + p, trust_env=False) for p in ("/health", "/metrics", "/stats/queue")}
            health = answers["/health"].json()["checks"]
            process.terminate()
            _, logs = process.communicate()
    assert process.returncode == 0, logs
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 200)
    assert health["redis"] == {"status": "ok", "detail": "answers"}
    assert "part_refuses" not in logs
    assert refused(admin) <= {"info", "memory|stats"}, "how full Redis is: asked once"


def _steer(newar: CommandLine) -> None:
    """What people do by hand."""
    assert newar("pause", "--all").exit_code == 0
    second = submit(newar)
    until(lambda: shown(newar, second)["state"] == "active")
    for words in (
        ("run", "pause", second),
        ("run", "extend", second, "--until", "2099-01-01T00:00:00Z"),
        ("run", "cancel", second),
        ("limits", "set", "100", "5"),
        ("limits", "show", "--all"),
        ("resume", "--all"),
        ("audit",),
        ("health", "sender"),
    ):
        result = newar(*words)
        assert result.exit_code == 0, (words, result.output)
    until(lambda: shown(newar, second)["state"] == "finished")


def test_doctor_says_what_it_cannot_see_and_that_nothing_is_missing(limited: CommandLine, admin: Redis) -> None:
    before = admin.dbsize()
    found = redis_findings(limited)
    assert admin.dbsize() == before
    assert "fail" not in {status for status, _, _ in found}
    assert ("ok", f"its login may run all {len(NEEDED)} commands that are needed", "") in found
    assert any(status == "ok" and text.startswith(("Valkey", "Redis")) for status, text, _ in found)
    unseen = {text: mend for status, text, mend in found if status == "warn"}
    assert unseen["it does not show how full its memory is (INFO and MEMORY STATS are refused)"].startswith(
        "ACL SETUSER newar +memory|stats"
    )
    assert "noeviction" in unseen["it does not show its configuration (CONFIG GET is refused)"]
    change_login(admin, "+memory|stats")
    assert any("REDIS_MAXMEMORY_BYTES=" in mend for _, _, mend in redis_findings(limited))
    limited.set(REDIS_MAXMEMORY_BYTES=str(1 << 40))
    assert any(status == "ok" and "0% of 1,048,576.0 MiB" in text for status, text, _ in redis_findings(limited))


@pytest.mark.parametrize(
    ("rules", "text", "mend"),
    [
        (["-xadd", "-zmscore"], "its login may not run XADD, ZMSCORE", "ACL SETUSER newar +xadd +zmscore"),
        (["-evalsha"], "its login may not even ask", "+evalsha +script|load"),
        (["resetkeys", "~other:*"], "its login may not even ask", " ~newar:*"),
        (["resetkeys", "%R~newar:*"], "its login may not even ask", " ~newar:*"),
        (["resetkeys", "~newar:{s0}:epoch"], "anything on keys named newar:*", "ACL SETUSER newar ~newar:*"),
        (["allkeys", "-select", "-hset"], "its login may not run HSET", "ACL SETUSER newar +hset"),
    ],
)
def test_doctor_names_what_is_missing(
    limited: CommandLine, admin: Redis, rules: list[str], text: str, mend: str
) -> None:
    change_login(admin, *rules)
    [failed] = [finding for finding in redis_findings(limited) if finding[0] == "fail"]
    assert text in failed[1]
    assert mend in failed[2]
    admin.execute_command(*failed[2].split())  # type: ignore[no-untyped-call]  # redis-py
    assert "fail" not in {status for status, _, _ in redis_findings(limited)}


def test_doctor_knows_a_replica(limited: CommandLine, admin: Redis) -> None:
    with as_replica(admin):
        [failed] = [finding for finding in redis_findings(limited) if finding[0] == "fail"]
    assert failed == ("fail", "it is a replica", "point REDIS_URL to the primary")


def test_a_command_says_what_its_login_lacks(limited: CommandLine, admin: Redis) -> None:
    change_login(admin, "-smembers")
    result = limited("page", "list")
    assert result.exit_code == 1
    assert "may not run SMEMBERS" in result.stderr
    assert "ACL SETUSER newar +smembers" in result.stderr
    assert "PASSWORD" not in result.output
