"""From when to when the log is complete. Pure; times are seconds since 1970 (UTC)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from schema.snapshot import ProcessSnapshot

IN_FLIGHT_S = 30
"""An attempt is written with the moment at which it left, when its answer has come or is given up."""


class Reach(msgspec.Struct, frozen=True):
    """What the log database has."""

    now_s: int
    first_s: int | None
    """The oldest step; None: there is nothing."""
    last_minute_s: int | None
    """The newest minute of which anything is known."""
    partitions: Collection[int]
    """Of the topic that is read."""


def complete_until_s(reach: Reach, processes: Sequence[ProcessSnapshot], oldest_outbox_s: float | None) -> int | None:
    """Return the moment before which nothing is missing; None: nothing is known.

    Args:
        reach: as the database has it.
        processes: those that are alive; empty when Redis does not say.
        oldest_outbox_s: when the oldest event was settled that is still on its way; None: there is none.
    """
    ingests = [process.ingest for process in processes if process.ingest is not None]
    read = [ingest for ingest in ingests if ingest.partitions]
    covered = {partition for ingest in read for partition in ingest.partitions}
    if not covered or not covered.issuperset(reach.partitions) or not all(ingest.read_until_ms for ingest in read):
        # Nobody says how far it has been read: as far as the newest event, as a rule.
        return None if reach.last_minute_s is None else min(reach.last_minute_s, reach.now_s - IN_FLIGHT_S)
    until_s = min(ingest.read_until_ms for ingest in read) // 1000
    return min(until_s, int(oldest_outbox_s or until_s), reach.now_s) - IN_FLIGHT_S
