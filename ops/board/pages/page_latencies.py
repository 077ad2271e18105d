"""How fast the Graph API answers to a page lately, from the log's figures; asked for the pages that are shown alone."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from importlib.resources import files
from typing import Any, NamedTuple

from psycopg.rows import DictRow

from schema.latency_edges import percentile

FRESH_S = 15.0
MOST_KEPT = 20_000
_LATENCIES = files("ops.board").joinpath("sql/page_latencies.sql").read_text()

Ask = Callable[[str, dict[str, Any]], Awaitable[list[DictRow]]]


class Percentiles(NamedTuple):
    """In ms, to 20 %; None: nothing was measured."""

    p50: float | None
    p95: float | None


class PageLatencies:
    """Keeps what was asked for a quarter of a minute. Errors: as of `ask`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._kept: dict[str, tuple[float, Percentiles]] = {}

    async def of(self, page_ids: Iterable[str]) -> dict[str, Percentiles]:
        """Return the percentiles of these pages."""
        now = time.monotonic()
        wanted = list(page_ids)
        missing = [page for page in wanted if self._kept.get(page, (0.0,))[0] <= now and "\0" not in page]
        if missing:
            if len(self._kept) > MOST_KEPT:
                self._kept.clear()
            counts: dict[str, list[int]] = {}
            for row in await self._ask(_LATENCIES, {"pages": missing}):
                before = counts.get(row["page_id"])
                counts[row["page_id"]] = _added(before, row["latencies"]) if before else row["latencies"]
            for page in missing:
                self._kept[page] = (now + FRESH_S, percentiles(counts.get(page, [])))
        nothing = (0.0, Percentiles(None, None))
        return {page: self._kept.get(page, nothing)[1] for page in wanted}


def percentiles(counts: list[int]) -> Percentiles:
    """Return the percentiles of a histogram with the edges of `page_figures`. Pure."""
    """Return the percentiles of a histogram with the edges of `page_figures`, as graphs have them. Pure."""
    by_bucket = dict(enumerate(counts))
    return Percentiles(percentile(by_bucket, 0.50), percentile(by_bucket, 0.95))


def _added(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]
