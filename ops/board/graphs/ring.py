"""Reading the ring of seconds in Redis: what all senders together counted in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ops.board.graphs.graph_question import GraphQuestion
from ops.board.graphs.series import Known
from ops.board.reading import QueueReader
from schema.seconds import KEPT_S, Counts, counts_key, decode_counts, decode_parts, parts_key

_TOLD_WITHIN_S = 3
"""So long after its end a second may still lack a sender."""


async def read_seconds(reader: QueueReader, question: GraphQuestion) -> Known:
    """Return what the ring knows.

    Raises:
        QueueUnreachable: when Redis does not answer in time, or refuses.
    """
    by_part = question.page is not None or question.run is not None
    asked = range(question.since_s, question.until_s)
    commands: list[tuple[str | int, ...]] = [("HGETALL", counts_key(at_s)) for at_s in asked]
    commands += [("HGETALL", parts_key(at_s)) for at_s in asked] if by_part else []
    *found, (now_s, _us) = await reader.ask([*commands, ("TIME",)])
    totals, parts = found[: len(asked)], found[len(asked) :] if by_part else [{}] * len(asked)
    complete_until_s = int(now_s) - _TOLD_WITHIN_S
    oldest_s = int(now_s) - KEPT_S
    counts: dict[int, Counts] = {}
    for at_s, total, part in zip(asked, totals, parts, strict=True):
        if oldest_s <= at_s < complete_until_s and (of_second := _counts(question, total, part)) is not None:
            counts[at_s] = of_second
    return Known(counts, counts.keys(), complete_until_s)


def _counts(question: GraphQuestion, totals: Mapping[bytes, bytes], parts: Mapping[bytes, bytes]) -> Counts | None:
    """Return the counts of one second; None: nobody told of it, or not of what was asked for."""
    if not totals:
        return None
    counts = Counts({}, {})
    for writer, told in totals.items():
        more = _of_writer(question, told, parts.get(writer))
        if more is None:
            return None
        counts.add(more)
    return counts


def _of_writer(question: GraphQuestion, told: bytes, parts: bytes | None) -> Counts | None:
    try:
        total = decode_counts(told)
        if not total.ended or (question.page is None and question.run is None):
            return total
        if parts is None:
            return None
        known = decode_parts(parts)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # of another release
    by_name: dict[str, Any] = known.pages if question.page is not None else known.runs
    more = known.more_pages if question.page is not None else known.more_runs
    found: Counts | None = by_name.get(question.page if question.page is not None else question.run or "")
    return found or (None if more else Counts({}, {}))
