"""What people are told when Redis answers and refuses: what to write, and nothing that Redis let slip."""

from __future__ import annotations

import pytest
import redis.exceptions as errors
from structlog.testing import capture_logs

from schema.runtime.outage import Outage
from schema.runtime.redis_refusals import NotPermitted, refusal

COMMAND = errors.NoPermissionError("User newar has no permissions to run the 'script|load' command")
IN_A_SCRIPT = errors.ResponseError(
    "ACL failure in script: User newar has no permissions to run the 'hset' command script: 1f2e, on @user_script:12."
)
OLDER = errors.ResponseError(
    "The user executing the script can't run this command or subcommand script: 1f2e, on @user_script:12."
)
KEY = errors.NoPermissionError("No permissions to access a key")
KEY_IN_A_SCRIPT = errors.ResponseError("ACL failure in script: No permissions to access the 'secret:1' key")
KEY_OLDER = errors.ResponseError(
    "The user executing the script can't access at least one of the keys mentioned in the command arguments"
)
REPLICA = errors.ReadOnlyError("You can't write against a read only replica.")
REPLICA_SCRIPT = errors.ResponseError("Can not run script with write flag on readonly replica.")
CUT_OFF = errors.MasterDownError("Link with MASTER is down and replica-serve-stale-data is set to 'no'.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (COMMAND, ["may not run SCRIPT LOAD", "ACL SETUSER newar +script|load"]),
        (IN_A_SCRIPT, ["may not run HSET", "ACL SETUSER newar +hset"]),
        (errors.NoPermissionError("this user has no permissions to run the 'get' command"), ["may not run GET"]),
        (OLDER, ["command that a script needs", "newar doctor"]),
        (NotPermitted("default", ["+hset", "+xadd"]), ["HSET, XADD", "ACL SETUSER default +hset +xadd"]),
        (KEY, ["~newar:*"]),
        (KEY_IN_A_SCRIPT, ["~newar:*"]),
        (KEY_OLDER, ["~newar:*"]),
        (REPLICA, ["replica", "primary", "REDIS_URL"]),
        (REPLICA_SCRIPT, ["replica", "primary", "REDIS_URL"]),
        (CUT_OFF, ["replica", "primary", "REDIS_URL"]),
        (
            errors.ResponseError("MISCONF Errors writing to the AOF file: No space left on device"),
            ["disk", "room"],
        ),
        (errors.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), ["raise maxmemory"]),
        (errors.AuthenticationError("invalid username-password pair or user is disabled."), ["is wrong", "%40"]),
        (errors.AuthenticationError("Authentication required."), ["redis://USER:PASSWORD@"]),
        (errors.AuthenticationError("AUTH <password> called without any password configured"), ["leave it out"]),
    ],
)
def test_a_refusal_says_what_to_write(error: Exception, said: list[str]) -> None:
    told = refusal(error)
    assert told is not None
    assert all(words in told for words in said), told
    assert "secret" not in told


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectionError("Error 111 connecting to 10.0.0.1:6379. Connection refused."),
        errors.BusyLoadingError("Redis is loading the dataset in memory"),
        OSError("User newar has no permissions to run the 'get' command"),
        errors.ResponseError("User newar has no permissions to run the 'a b; FLUSHALL' command"),
    ],
)
def test_other_errors_are_no_refusals(error: Exception) -> None:
    assert refusal(error) is None or "FLUSHALL" not in str(refusal(error))


def test_a_refusal_is_logged_as_one_also_when_the_part_was_away_before() -> None:
    outage = Outage("redis")
    with capture_logs() as lines:
        outage.failed(errors.ConnectionError("away"), 0.0)
        for now_s in (1.0, 2.0, 3.0):
            outage.failed(IN_A_SCRIPT, now_s)
        outage.failed(REPLICA, 4.0)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("part_unreachable", "warning"),
        ("part_refuses", "error"),
        ("part_refuses", "error"),
    ]
    assert lines[1]["reason"] == refusal(IN_A_SCRIPT)
