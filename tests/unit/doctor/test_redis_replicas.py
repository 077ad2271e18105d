"""What the doctor makes of Redis's replicas and Sentinels."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as Away
from redis.exceptions import ResponseError

from ops.doctor.redis_replicas import Answer, replicas, sentinels

HERE, THERE = ("10.0.0.1", 6379), ("10.0.0.2", 6379)


def info(*states: str, lag: int = 0) -> dict[str, Any]:
    """Return INFO replication as redis-py gives it, of replicas in these states; the last is silent for `lag` s."""
    found = {f"slave{n}": {"ip": "10.0.0.9", "state": state, "lag": 0} for n, state in enumerate(states)}
    if states:
        found[f"slave{len(states) - 1}"]["lag"] = lag
    return {"role": "master", "connected_slaves": len(states), "slave_repl_offset": 7, **found}


@pytest.mark.parametrize(
    ("seen", "wanted", "asked", "status", "said", "mend"),
    [
        (info(), 0, False, None, "", ""),
        (info("online", "online"), 2, True, "ok", "2 replicas are connected", ""),
        (info("online"), 1, False, "ok", "1 replica is connected", ""),
        (info("online", "wait_bgsave"), 2, True, "fail", "1 replica is connected: nothing is sent", "REPLICAS=1"),
        (info("online", "online", lag=8), 2, True, "fail", "1 replica is connected, 1 more are silent", "REPLICAS=1"),
        (info("online", "online", lag=1), 2, True, "ok", "2 replicas are connected", ""),
        (info(), 1, False, "fail", "0 replicas are connected", "REDIS_MARK_REPLICAS=0"),
        (info("online", "online"), 1, True, "warn", "only 1 of 2 have to know", "REDIS_MARK_REPLICAS=2"),
        (info("online"), 0, False, "warn", "none has to know", "REDIS_MARK_REPLICAS=1"),
        (info(), 0, True, "warn", "none has to know", "REDIS_MARK_REPLICAS=1"),
        (None, 0, False, None, "", ""),
        (None, 2, False, "warn", "does not tell how many", "+info"),
        (None, 0, True, "warn", "does not tell how many", "+info"),
    ],
)
def test_replicas(
    seen: dict[str, Any] | None, wanted: int, asked: bool, status: str | None, said: str, mend: str
) -> None:
    found = replicas(seen, wanted, sentinels=asked, user="newar")
    assert [one.status for one in found] == ([status] if status else [])
    for one in found:
        assert said in one.text
        assert mend in one.mend
        assert bool(one.mend) == (one.status != "ok")


@pytest.mark.parametrize(
    ("answers", "status", "said"),
    [
        ([], None, ""),
        ([HERE, HERE, HERE], "ok", "3 Sentinels know the primary newar at 10.0.0.1:6379"),
        ([HERE, None, HERE], "fail", "1 of 3 Sentinels know no primary newar"),
        ([HERE, Away("refused"), HERE], "warn", "1 of 3 Sentinels do not answer"),
        ([Away("refused"), OSError("gone")], "fail", "2 of 2 Sentinels do not answer"),
        ([ResponseError("NOAUTH Authentication required.")], "fail", "NOAUTH"),
        ([HERE, HERE, ResponseError("NOQUORUM 1 usable Sentinels")], "warn", "(NOQUORUM 1 usable Sentinels)"),
        ([HERE, THERE, HERE], "warn", "different primaries: 10.0.0.1:6379, 10.0.0.2:6379"),
    ],
)
def test_sentinels(answers: list[Answer | Exception], status: str | None, said: str) -> None:
    found = sentinels(answers, "newar")  # type: ignore[arg-type]  # Redis's errors are exceptions of its own
    assert [one.status for one in found] == ([status] if status else [])
    assert all(said in one.text and bool(one.mend) == (one.status != "ok") for one in found)
