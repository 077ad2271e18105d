"""The loop from the topic to the log: read, check, collect, write, through outages of either side. Asyncio.

Everything between Kafka and Postgres stays on the asyncio side; Trio is crossed once, at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psycopg
import structlog
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from ingest.batch import Batch
from ingest.figures import Figures
from ingest.member import LONGEST_READ_S, Member
from ingest.settings import IngestSettings
from ingest.stops import IngestStops
from ingest.topic import open_share
from ingest.transaction import Log, OffsetsMoved
from ingest.writer import Writer
from schema.migrate import require_current
from schema.runtime.kafka import prepare_topic
from schema.runtime.outage import Outage

log = structlog.get_logger()

_ASK_BROKER_EVERY_S = 3.0
_ASK_BROKER_WITHIN_S = 5.0


class BrokerChanged(Exception):
    """The address answers with another cluster id: the broker was set up anew."""


class OffsetsOutOfRange(IngestStops):
    """The broker does not have the offset that comes next, although it is the broker that we read before."""

    def __init__(self, topic_log: Log, detail: str) -> None:
        super().__init__(
            f"topic {topic_log.topic} of cluster {topic_log.cluster_id}: {detail}. Messages were deleted before "  # noqa: S608
            "they became rows, or the broker was restored or emptied under its old cluster id. When that is clear, run "
            "this on the log database and start the ingest again: "
            f"DELETE FROM ingest_offsets WHERE cluster_id = '{topic_log.cluster_id}' AND topic = '{topic_log.topic}'; "
            "it then reads what the broker has from the beginning, and rows that are there already do not double."
        )


class Ingest:
    """One member of the group. `run` ends after `stop`; nothing that it read is lost when it ends in another way."""

    def __init__(self, settings: IngestSettings, figures: Figures, on_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._figures = figures
        self._on_ready = on_ready
        self._is_ready = False
        self._stopping = asyncio.Event()
        self._kafka = Outage("kafka")
        self._database = Outage("log_database")
        self._writer = Writer(
            settings.log_database_url.get_secret_value(),
            keep_days=settings.log_retention_days,
            stop_share=settings.dead_letter_stop_share,
        )

    def stop(self) -> None:
        """Ask `run` to write what it has and to end. May be called from Trio."""
        self._stopping.set()

    async def run(self) -> None:
        """Move events from the topic to the log until stopped.

        Raises:
            IngestStops: when a person must decide: events are missing, refused in great number, or of a newer schema.
        """
        try:
            while not self._stopping.is_set():
                try:
                    await self._be_a_member()
                except BrokerChanged as exc:
                    log.warning("broker_is_another", detail=str(exc))
                except (KafkaError, OSError, TimeoutError) as exc:
                    await self._wait(self._kafka.failed(exc, _now_s()))
        finally:
            await self._writer.close()
        self._ready()  # when stopped before: nobody shall wait for it

    async def check_schema(self) -> None:
        """Wait until the log database answers (or a stop) and see that it has the schema of this program.

        Raises:
            MigrationsPending: when it has not.
            SchemaNewer: when it has a newer one, on which this program may not run.
        """
        while not self._stopping.is_set():
            try:
                await require_current(self._settings.log_database_url.get_secret_value())
            except psycopg.Error as exc:
                await self._wait_for_database(exc)
            else:
                self._database_answers()
                return

    async def _be_a_member(self) -> None:
        topic_log = await self._ask_broker()
        async with open_share(self._settings) as share:
            member = Member(self._settings, share, topic_log)
            asked_at_s = _now_s()
            while not self._stopping.is_set():
                if _now_s() >= asked_at_s + _ASK_BROKER_EVERY_S:
                    await self._same_broker(topic_log)
                    asked_at_s = _now_s()
                await self._step(member)
            await self._write(member)

    async def _ask_broker(self) -> Log:
        async with asyncio.timeout(_ASK_BROKER_WITHIN_S):
            cluster_id = await prepare_topic(self._settings)
        self._kafka.recovered(_now_s())
        return Log(cluster_id, self._settings.kafka_topic)

    async def _same_broker(self, known: Log) -> None:
        now = await self._ask_broker()
        if now != known:
            raise BrokerChanged(f"cluster id was {known.cluster_id}, is {now.cluster_id}")

    async def _step(self, member: Member) -> None:
        """Read once, and write when it is time."""
        if not member.knows_its_place:
            await self._find_place(member)
            return
        try:
            read_any = await member.read(_now_s())
        except OffsetOutOfRangeError as exc:
            missing = ", ".join(
                f"partition {tp.partition} has no offset {n}, which is next" for tp, n in exc.args[0].items()
            )
            await self._alarm(member, missing)
            return
        if problem := member.beyond_end(_now_s()):
            await self._alarm(member, problem)
        self._figures.now.lag_events = member.lag_events
        if member.due(_now_s(), read_any):
            await self._write(member)

    async def _find_place(self, member: Member) -> None:
        """After a rebalance or a lost compare-and-set: begin again where the table says."""
        member.forget()
        self._figures.now.lag_events, self._figures.now.partitions, self._figures.committed = 0, [], {}
        if not member.share.check_assigned():
            await self._wait(LONGEST_READ_S / 10)
            return
        epoch, partitions = member.share.epoch, member.share.partitions
        try:
            starts = await self._writer.next_offsets(member.log, partitions)
            if new := set(partitions) - set(starts):
                await self._writer.begin(member.log, await member.share.beginnings(new))
                return
        except psycopg.Error as exc:
            await self._wait_for_database(exc)
            return
        self._database_answers()
        if member.begin(epoch, starts):
            self._figures.now.partitions = partitions
            self._figures.cluster_id, self._figures.committed = member.log.cluster_id, dict(starts)
            log.info("partitions_assigned", cluster_id=member.log.cluster_id, next_offsets=starts)
            self._ready()

    async def _write(self, member: Member) -> None:
        """Write the batch, however long the database is away; at a stop only once: the topic keeps it."""
        batch = member.batch
        while batch and member.knows_its_place:
            try:
                written = await self._writer.write(member.log, batch)
            except OffsetsMoved:
                log.info("offsets_moved_by_another", partitions=sorted(batch.next))
                member.forget()
                return
            except psycopg.Error as exc:
                if self._stopping.is_set():
                    return
                await self._wait_for_database(exc)
                continue
            self._database_answers()
            if written.dead_letters:
                log.warning("dead_letters", count=written.dead_letters, table="message_log_dead_letters")
            self._figures.wrote(written, batch.rows[-1].sent_at if batch.rows else None)
            self._figures.committed |= batch.next
            member.batch = batch = Batch()

    async def _alarm(self, member: Member, detail: str) -> None:
        await self._same_broker(member.log)
        error = OffsetsOutOfRange(member.log, detail)
        log.error("offsets_out_of_range", cluster_id=member.log.cluster_id, topic=member.log.topic, detail=detail)
        raise error

    def _ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._on_ready()

    async def _wait_for_database(self, exc: psycopg.Error) -> None:
        self._figures.now.database_down = True
        await self._wait(self._database.failed(exc, _now_s()))

    def _database_answers(self) -> None:
        self._figures.now.database_down = False
        self._database.recovered(_now_s())

    async def _wait(self, seconds: float) -> None:
        """Sleep, but not through a stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return


def _now_s() -> float:
    return asyncio.get_running_loop().time()
