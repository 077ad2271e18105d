"""Where each partition is to be read from after an assignment: where the table says, or from the beginning. Asyncio."""

from __future__ import annotations

from collections.abc import Collection

from ingest.reading.lives import Lives, of_former_life
from ingest.reading.topic import Share
from ingest.writing.writer import Writer
from schema.topic import Log


class Starts:
    """Finds them, and notes in the table what begins."""

    def __init__(self, writer: Writer, lives: Lives) -> None:
        self._writer = writer
        self._lives = lives

    async def find(self, share: Share, log: Log, partitions: Collection[int]) -> dict[int, int]:
        """Return partition -> next offset.

        Raises:
            psycopg.Error, aiokafka.errors.KafkaError, TimeoutError: a part is away.
        """
        if not log.topic_id and (former := await self._of_former_life(share, log, partitions)):
            await self.again(share, log, former)
        starts = await self._writer.next_offsets(log, partitions)
        if log.topic_id and (new := set(partitions) - set(starts)):
            # rows without an id are of this life, unless something says otherwise
            await self._writer.adopt(log, new - await self._of_former_life(share, log, new))
            starts = await self._writer.next_offsets(log, partitions)
        if new := set(partitions) - set(starts):
            await self._writer.begin(log, await share.beginnings(new))
            self._lives.begun(log, await self._writer.former_lives(log, new))
            starts = await self._writer.next_offsets(log, partitions)
        return starts

    async def again(self, share: Share, log: Log, partitions: Collection[int], events: int | None = None) -> None:
        """Begin partitions anew whose rows are of a former life, where no id tells lives apart; `events` miss."""
        self._lives.ended(log, log, events)
        await self._writer.restart(log, await share.beginnings(partitions))

    async def _of_former_life(self, share: Share, log: Log, partitions: Collection[int]) -> set[int]:
        passed = await self._writer.passed(log, partitions)
        return of_former_life(passed, await share.firsts(passed)) if passed else set()
