"""What the doctor makes of what servers say of themselves."""

from __future__ import annotations

import pytest

from ops.doctor.finding import clock
from ops.doctor.redis import durability
from ops.doctor.redis_memory import memory
from ops.doctor.source import sorting
from sender.queue.redis_memory import Memory

SAFE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


def test_safe_redis_gets_no_warning() -> None:
    assert [f.status for f in durability(SAFE)] == ["ok", "ok"]


@pytest.mark.parametrize(
    "change", [{"appendonly": "no"}, {"appendfsync": "everysec"}, {"maxmemory-policy": "allkeys-lru"}]
)
def test_redis_that_may_lose_writes_is_warned_of_with_the_mend(change: dict[str, str]) -> None:
    [warning] = [f for f in durability({**SAFE, **change}) if f.status != "ok"]
    assert warning.status == "warn"
    assert next(iter(change)) in warning.mend


@pytest.mark.parametrize(
    ("seen", "status", "said"),
    [
        (Memory(100 << 20, 400 << 20), "ok", "25% of 400.0 MiB"),
        (Memory(350 << 20, 400 << 20), "warn", "88% of 400.0 MiB"),
        (Memory(100 << 20, 0), "ok", "any amount"),
        (Memory(100 << 20, None), "warn", "it does not tell"),
        (Memory(None, None), "warn", "does not show"),
        (Memory(None, 400 << 20), "warn", "does not show"),
    ],
)
def test_memory_that_is_not_known_is_said_to_be_unknown(seen: Memory, status: str, said: str) -> None:
    finding = memory(seen, 0.1, "newar")
    assert (finding.status, said in finding.text) == (status, True)
    assert " 0.0 MiB" not in finding.text
    assert bool(finding.mend) == (status == "warn")


@pytest.mark.parametrize(
    ("theirs_s", "status"), [(100.5, "ok"), (102.0, "warn"), (98.0, "warn"), (106.0, "fail"), (0.0, "fail")]
)
def test_clocks_apart_are_told(theirs_s: float, status: str) -> None:
    assert clock("redis", theirs_s, 100.0).status == status


def test_sort_is_found_at_any_depth_of_a_plan() -> None:
    scan = {"Node Type": "Index Scan"}
    assert not sorting({"Node Type": "Limit", "Plans": [scan]})
    assert sorting({"Node Type": "Limit", "Plans": [scan, {"Node Type": "Incremental Sort", "Plans": [scan]}]})
