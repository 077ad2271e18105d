"""Whether it is right that this member has no partition: others have them all, or the group is mistaken. Asyncio."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol

from ingest.figures import Figures
from ingest.reading.topic import Share, group_of
from ingest.settings import IngestSettings
from schema.runtime.kafka import ANSWER_WITHIN_MS, connection_options, uncut

log = structlog.get_logger()

_LOOK_EVERY_S = 4.0
_WITHIN_S = 5.0


class WithoutPartitions:
    """Looks at the group while we have none."""

    def __init__(self, settings: IngestSettings, figures: Figures) -> None:
        self._settings = settings
        self._figures = figures
        self._look_at_s: float | None = None
        self._told: str | None = None

    async def look(self, share: Share, now_s: float) -> None:
        """Return when all is well, or it is too early to say.

        Raises:
            TimeoutError: partitions belong to nobody: leave and join anew.
            aiokafka.errors.KafkaError: the broker is away or refuses us.
        """
        if share.partitions:
            self._look_at_s, self._told = None, None
            return
        if self._look_at_s is None or now_s < self._look_at_s:
            self._look_at_s = self._look_at_s or now_s + _LOOK_EVERY_S
            return
        self._look_at_s = now_s + _LOOK_EVERY_S
        nobodys = await self._nobodys(share.all_partitions())
        if nobodys is None:  # a rebalance is under way, as a rule
            self._say("group_says_nothing", "it does not say who has the partitions", level=logging.WARNING)
            return
        if nobodys:
            log.error("partitions_of_nobody", partitions=sorted(nobodys), detail="this member joins the group anew")
            raise TimeoutError("the group gives this member nothing, though partitions belong to nobody")
        self._figures.without_partitions_since_s = None
        self._say("other_members_have_all_partitions", "this one takes over when one of them ends")

    def _say(self, event: str, detail: str, level: int = logging.INFO) -> None:
        if event != self._told:
            log.log(level, event, detail=detail)
            self._told = event

    async def _nobodys(self, partitions: set[int]) -> set[int] | None:
        """Return which partitions no member has; None while that is being decided."""
        async with asyncio.timeout(_WITHIN_S):
            return await uncut(self._ask(partitions))

    async def _ask(self, partitions: set[int]) -> set[int] | None:
        admin = AIOKafkaAdminClient(**connection_options(self._settings), request_timeout_ms=ANSWER_WITHIN_MS)
        try:
            await admin.start()
            [answer] = await admin.describe_consumer_groups([group_of(self._settings)])
            [(_code, _group, state, _type, _protocol, members, *_)] = answer.groups
            return left_over(partitions, members) if state == "Stable" else None
        finally:
            await admin.close()  # noqa: ASYNC102 - asyncio side, where a cancellation is delivered once


def left_over(partitions: set[int], members: list[Any]) -> set[int]:
    """Return which partitions none of these has. The embedded broker does not say who has what, only who is there."""
    assignments = [assignment for _id, _client, _host, _metadata, assignment, *_ in members]
    if not any(assignments):
        return partitions if len(members) <= len(partitions) else set()
    given = [ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions() for assignment in assignments if assignment]
    return partitions - {tp.partition for part in given for tp in part}
