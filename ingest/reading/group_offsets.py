"""The group's offsets in the broker: for lag tools, which look there. The table of Postgres counts. Asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiokafka.errors import KafkaError

from ingest.figures import Figures
from ingest.reading.topic import Share

log = structlog.get_logger()

_EVERY_S = 1.0
_WITHIN_S = 5.0
_LAST_WITHIN_S = 1.0
_SAY_AFTER = 5
"""Failures in a row; a rebalance makes one or two."""


@asynccontextmanager
async def telling_group(share: Share, figures: Figures) -> AsyncIterator[None]:
    """Commit to the broker what is committed in Postgres, inside the block and once at its end."""
    teller = _Teller(share, figures)
    task = asyncio.create_task(teller.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await teller.tell(_LAST_WITHIN_S)


class _Teller:
    def __init__(self, share: Share, figures: Figures) -> None:
        self._share = share
        self._figures = figures
        self._told: dict[int, int] = {}
        self._failures = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.tell(_WITHIN_S)

    async def tell(self, within_s: float) -> None:
        offsets = dict(self._figures.committed)
        if not offsets or offsets == self._told:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._share.commit(offsets)
        except (KafkaError, OSError, TimeoutError) as exc:
            self._failures += 1
            if self._failures == _SAY_AFTER:
                log.info(
                    "group_offsets_not_committed",
                    error=f"{type(exc).__name__}: {exc}",
                    detail="lag tools see an older place; the ingest goes on by its own table",
                )
        else:
            self._told, self._failures = offsets, 0
