"""One life of the topic or another: what tells them apart where no id does, and the alarm when one has ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog
from msgspec.structs import replace

from ingest.figures import Figures
from schema.topic import Log

log = structlog.get_logger()

Firsts = Mapping[int, tuple[int, int]]
"""Partition -> offset and time (ms) of the first message that the broker has; without those that are empty."""


def of_former_life(passed: Mapping[int, tuple[int, int]], firsts: Firsts) -> set[int]:
    """Return partitions that are others than those we read, given each one's next offset and when we noted that (ms).

    What lies before our place we had passed by then, so that its first message cannot be newer.
    """
    return {
        p for p, (offset, at_ms) in firsts.items() if p in passed and offset < passed[p][0] and at_ms > passed[p][1]
    }


def begun_again(before: Firsts, now: Firsts) -> set[int]:
    """Return partitions whose first message is an earlier or another one than it was. By retention it is a later."""
    return {
        p
        for p, (offset, at_ms) in now.items()
        if p in before and (offset < before[p][0] or (offset == before[p][0] and at_ms != before[p][1]))
    }


def missing(nexts: Mapping[int, int], ends: Mapping[int, int]) -> int | None:
    """Return how many messages there were between our place and each partition's last known end; None: not known."""
    if not nexts or not set(nexts) <= set(ends):
        return None
    return sum(max(0, ends[p] - offset) for p, offset in nexts.items())


class Lives:
    """Says, once in this process, that a life of the topic has ended, and counts what may be missing of it."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._told: set[str] = set()
        self._reads: Log | None = None

    def reads(self, now: Log) -> None:
        """We join to read this life. Of another one that we read before, the broker's errors were all that we saw."""
        was, self._reads = self._reads, now
        if was is not None and was != now:
            self.ended(was, now, None)

    def ended(self, was: Log, now: Log | None, events: int | None) -> None:
        """The life that we read is over; `events` of it are missing (None: not known). `now` None: no topic at all."""
        self._reads = now
        if now is None:
            event = "topic_is_gone"
        else:
            event = "topic_made_again" if now.cluster_id == was.cluster_id else "broker_is_another"
        self._told.add(was.topic_id)
        self._tell(event, str(was), now, events)

    def begun(self, now: Log, former: Collection[str]) -> None:
        """We read this life from its beginning; `former` ones were read before us: they ended while nobody looked."""
        if untold := set(former) - self._told:
            self._told |= untold
            self._tell(
                "topic_made_again", ", ".join(str(replace(now, topic_id=topic_id)) for topic_id in untold), now, None
            )

    def _tell(self, event: str, was: str, now: Log | None, events: int | None) -> None:
        self._figures.now.topics_made_again += 1
        self._figures.now.events_missing += events or 0
        log.error(
            event,
            was=was,
            now=str(now),
            events_missing="unknown" if events is None else events,
            detail="what the former one had and is no row is lost, unless a sender still has it; this one is read from "
            "its beginning",
        )
