"""A member without partitions: at rest where others have them all, and anew into the group where nobody has them."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from structlog.testing import capture_logs

from ingest.figures import Figures
from ingest.reading import without_partitions
from ingest.reading.topic import Share
from ingest.reading.without_partitions import WithoutPartitions, left_over
from ingest.settings import IngestSettings

ALL = set(range(4))


def member(partitions: list[int] | None) -> Any:
    """Describe one, as a broker does; None: it does not say what this one has."""
    has = b"" if partitions is None else ConsumerProtocolMemberAssignment(0, [("topic", partitions)], b"").encode()
    return ("id", "client", "host", b"", has)


@pytest.mark.parametrize(
    ("members", "nobodys"),
    [
        ([[0, 1], [2, 3], []], set()),
        ([[0, 1], []], {2, 3}),
        ([[]], ALL),
        ([[], []], ALL),
        ([[0, 1, 2, 3], None], set()),
        ([None] * 4, ALL),  # nobody may have nothing when there are no more members than partitions
        ([None] * 5, set()),
        ([], ALL),
    ],
)
def test_what_nobody_has(members: list[list[int] | None], nobodys: set[int]) -> None:
    assert left_over(ALL, [member(has) for has in members]) == nobodys


class Group(WithoutPartitions):
    """Knows what nobody has, without a broker."""

    nobodys: set[int] | None = None

    async def _nobodys(self, partitions: set[int]) -> set[int] | None:
        return self.nobodys


class Nothing(Share):
    """A share without partitions."""

    def __init__(self) -> None:
        pass

    @property
    def partitions(self) -> list[int]:
        return []

    def all_partitions(self) -> set[int]:
        return ALL


def figures() -> Figures:
    return Figures(IngestSettings.model_construct(log_batch_size=1, log_batch_interval_ms=1))


@pytest.mark.parametrize(
    ("nobodys", "said"),
    [
        (None, [("group_says_nothing", "warning")]),
        (set(), [("other_members_have_all_partitions", "info")]),
        ({2}, [("partitions_of_nobody", "error")]),
    ],
)
def test_it_is_said_once_within_ten_seconds(nobodys: set[int] | None, said: list[tuple[str, str]]) -> None:
    counted = figures()
    group = Group(IngestSettings.model_construct(), counted)
    group.nobodys = nobodys

    async def look() -> None:
        for tenth in range(100):
            await group.look(Nothing(), 1000 + tenth / 10)

    with capture_logs() as lines, pytest.raises(TimeoutError) if nobodys else nullcontext():
        asyncio.run(look())
    assert [(line["event"], line["log_level"]) for line in lines] == said
    assert (counted.without_partitions_since_s is None) == (nobodys == set())


def test_the_first_look_leaves_the_group_time() -> None:
    group = Group(IngestSettings.model_construct(), figures())
    group.nobodys = ALL
    asyncio.run(group.look(Nothing(), 0.0))
    asyncio.run(group.look(Nothing(), without_partitions._LOOK_EVERY_S - 0.1))
