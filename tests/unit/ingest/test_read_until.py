"""Up to when the log has been read: never later than it is true."""

from __future__ import annotations

import pytest

from ingest.reading.read_until import ReadUntil
from ingest.writing.rows import Row
from schema.event import at_us
from tests.integration.ingest.events import batch, event

NOW_MS = 1_800_000_000_000


def rows(*partitions_and_ms: tuple[int, int]) -> list[Row]:
    return [batch(p, 0, [event(1, at_us(ms * 1000))]).rows[0] for p, ms in partitions_and_ms]


@pytest.mark.parametrize(
    ("read", "nexts", "ends", "until"),
    [
        ([], {0: 5, 1: 7}, {0: 5, 1: 7}, NOW_MS),
        ([(1, 300), (1, 400)], {0: 5, 1: 7}, {0: 5, 1: 9}, 400),
        ([(0, 500), (1, 400)], {0: 5, 1: 7}, {0: 6, 1: 9}, 400),
        ([(0, 500)], {0: 5, 1: 7}, {0: 6, 1: 9}, 0),
        ([(0, 500)], {0: 5, 1: 7}, {0: 5}, 0),
    ],
    ids=["all read", "one behind", "both behind", "nothing of one that is behind", "an end that is not known"],
)
def test_it_is_that_of_the_partition_furthest_behind(
    read: list[tuple[int, int]], nexts: dict[int, int], ends: dict[int, int], until: int
) -> None:
    known = ReadUntil()
    known.begin(nexts)
    known.written(known.once_written(reversed(rows(*read)), nexts, ends, NOW_MS))
    assert known.ms == until


def test_of_new_partitions_nothing_is_known() -> None:
    known = ReadUntil()
    assert known.ms == 0
    known.begin([0])
    known.written({0: NOW_MS, 1: 5})
    assert known.ms == NOW_MS
    known.begin([0, 2])
    assert known.ms == 0
