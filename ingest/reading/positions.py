"""Which offset comes next on each partition, and what of a fetched group may be believed. Pure; no I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec


class Fetched(Protocol):
    """What matters here of a message: its place in the partition."""

    @property
    def offset(self) -> int:
        """Its offset."""


M = TypeVar("M", bound=Fetched)


class Accepted(msgspec.Struct, Generic[M], frozen=True):
    """What to do with a fetched group."""

    messages: Sequence[M]
    """To be written; they directly follow what was accepted before."""
    seek_to: int | None = None
    """Read again from here: something was missing behind `messages`."""
    gap: tuple[int, int] | None = None
    """Offsets `[from, to)` that were missing twice and are now believed not to exist."""


class Positions:
    """The next offset of each partition of this member.

    A broker has no holes in this topic (no transactions, no compaction), but a live read has been seen to skip a
    batch that a second read finds. So a hole is believed when two reads in a row saw the same one.
    """

    def __init__(self, start: Mapping[int, int]) -> None:
        self.next: dict[int, int] = dict(start)
        self._doubted: dict[int, tuple[int, int]] = {}

    def accept(self, partition: int, messages: Sequence[M]) -> Accepted[M]:
        """Decide about the messages fetched from a partition, in their order."""
        expected = self.next[partition]
        first, last = messages[0].offset, messages[-1].offset
        if first == expected and last - first == len(messages) - 1:
            self.next[partition] = last + 1
            return Accepted(messages)
        return self._accept_slowly(partition, [m for m in messages if m.offset >= expected])

    def _accept_slowly(self, partition: int, messages: list[M]) -> Accepted[M]:
        taken: list[M] = []
        gap = None
        for message in messages:
            hole = (self.next[partition], message.offset)
            if hole[0] != hole[1]:
                if self._doubted.get(partition) != hole:
                    self._doubted[partition] = hole
                    return Accepted(taken, seek_to=hole[0], gap=gap)
                gap = hole
            taken.append(message)
            self.next[partition] = message.offset + 1
        return Accepted(taken, gap=gap)

    def behind(self, highwaters: Mapping[int, int]) -> int:
        """Return how many messages are still to be read, given each partition's end."""
        return sum(max(0, end - self.next[p]) for p, end in highwaters.items() if p in self.next)

    def beyond(self, highwaters: Mapping[int, int]) -> dict[int, tuple[int, int]]:
        """Return partition -> (next offset, end) where we are past the broker's end, which cannot be."""
        return {p: (self.next[p], end) for p, end in highwaters.items() if p in self.next and self.next[p] > end}
