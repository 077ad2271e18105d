"""The loop from the topic to the log: read, check, collect, write, through outages of either side. Asyncio.

Everything between Kafka and Postgres stays on the asyncio side; Trio is crossed once, at the start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping

import psycopg
import structlog
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from msgspec.structs import asdict

from ingest.figures import Figures
from ingest.reading.group_offsets import telling_group
from ingest.reading.lives import Lives, begun_again
from ingest.reading.member import LONGEST_READ_S, Member
from ingest.reading.starts import Starts
from ingest.reading.topic import open_share
from ingest.reading.without_partitions import WithoutPartitions
from ingest.settings import IngestSettings
from ingest.stops import IngestStops
from ingest.writing.batch import Batch
from ingest.writing.transaction import OffsetsMoved
from ingest.writing.write_behind import WriteBehind
from ingest.writing.writer import Writer
from schema.migrate import require_current
from schema.runtime.kafka import look_at_topic, prepare_topic
from schema.runtime.outage import Outage
from schema.runtime.traces import Step, Traces
from schema.topic import Log

log = structlog.get_logger()

_ASK_BROKER_EVERY_S = 3.0
_ASK_BROKER_WITHIN_S = 5.0


class LifeEnded(Exception):
    """The topic that we read is gone, or another has its name: it was made again, or the broker set up anew."""


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

    def __init__(
        self, settings: IngestSettings, figures: Figures, on_ready: Callable[[], None], traces: Traces | None = None
    ) -> None:
        self._settings = settings
        self._figures = figures
        self._on_ready = on_ready
        self._traces = traces
        self._is_ready = False
        self._stopping = asyncio.Event()
        self._kafka = Outage("kafka")
        self._database = Outage("log_database")
        self._writer = Writer(
            settings.log_database_url.get_secret_value(),
            keep_days=settings.log_retention_days,
            stop_share=settings.dead_letter_stop_share,
        )
        self._behind = WriteBehind()
        self._lives = Lives(figures)
        self._starts = Starts(self._writer, self._lives)
        self._without = WithoutPartitions(settings, figures)

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
                except LifeEnded:  # and told
                    continue
                except (KafkaError, OSError, TimeoutError) as exc:
                    await self._wait(self._kafka.failed(exc, _now_s()))
        finally:
            await self._behind.drop()
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
        self._figures.takes_partitions()
        async with asyncio.timeout(_ASK_BROKER_WITHIN_S):
            topic_log = await prepare_topic(self._settings)
        self._kafka.recovered(_now_s())
        self._lives.reads(topic_log)
        async with open_share(self._settings) as share, telling_group(share, self._figures):
            member = Member(self._settings, share, topic_log)
            asked_at_s = _now_s()
            while not self._stopping.is_set():
                if _now_s() >= asked_at_s + _ASK_BROKER_EVERY_S:
                    await self._same_life(member)
                    asked_at_s = _now_s()
                await self._step(member)
                if member.knows_its_place:
                    await self._without.look(share, _now_s())
            await self._write(member)

    async def _same_life(self, member: Member) -> None:
        """See whether the topic is still the one that we read.

        Raises:
            LifeEnded: it is not; what is missing is told, and what was in hand written.
        """
        async with asyncio.timeout(_ASK_BROKER_WITHIN_S):
            now = await look_at_topic(self._settings)
        self._kafka.recovered(_now_s())
        if now != member.log:
            self._lives.ended(member.log, now, member.missing)
            await self._write(member)
            self._figures.committed = {}
            raise LifeEnded
        if not now.topic_id and member.knows_its_place:
            firsts = await member.share.firsts(member.share.partitions)
            if again := begun_again(member.firsts, firsts):
                await self._begin_again(member, again)
            member.firsts = firsts

    async def _begin_again(self, member: Member, partitions: Collection[int]) -> None:
        await self._write(member)
        try:
            await self._starts.again(member.share, member.log, partitions, member.missing)
        except psycopg.Error as exc:
            await self._wait_for_database(exc)
        member.forget()

    async def _step(self, member: Member) -> None:
        """Read once, and write when it is time."""
        if not member.knows_its_place:
            await self._find_place(member)
            return
        try:
            read_any = await member.read(_now_s(), hurried=self._behind.idle)
        except OffsetOutOfRangeError as exc:
            # of a fetch from where the group's own offsets were, before we sought our place, nothing follows
            nexts = {tp.partition: n for tp, n in exc.args[0].items() if member.is_next(tp.partition, n)}
            if nexts:
                await self._alarm(
                    member, {p: f"partition {p} has no offset {n}, which is next" for p, n in nexts.items()}
                )
            return
        if problems := member.beyond_end(_now_s()):
            await self._alarm(member, problems)
            return
        self._figures.behind(member.behind(self._figures.committed))
        self._behind.raise_if_failed()
        if self._behind.idle and not member.batch:
            self._read_until(member, member.take(_now_ms()).until)
        if member.batch.full or (self._behind.idle and member.due(_now_s(), read_any)):
            await self._behind.start(lambda: self._write_batch(member, member.take(_now_ms())))

    async def _find_place(self, member: Member) -> None:
        """After a rebalance or a lost compare-and-set: begin again where the table says."""
        await self._write(member)  # nobody can read it again when the topic is gone; others who were quicker win
        member.forget()
        self._figures.now.lag_events, self._figures.committed = 0, {}
        self._figures.takes_partitions()
        if not member.share.check_assigned():
            await self._wait(LONGEST_READ_S / 10)
            return
        epoch, partitions = member.share.epoch, member.share.partitions
        try:
            starts = await self._starts.find(member.share, member.log, partitions)
        except psycopg.Error as exc:
            await self._wait_for_database(exc)
            return
        self._database_answers()
        if member.begin(epoch, starts):
            self._figures.has_partitions(member.log, starts)
            log.info("partitions_assigned", **asdict(member.log), next_offsets=starts)
            self._ready()

    async def _write(self, member: Member) -> None:
        """Write all that is in hand, and wait for it."""
        await self._behind.start(lambda: self._write_batch(member, member.take(_now_ms())))
        await self._behind.done()

    async def _write_batch(self, member: Member, batch: Batch) -> None:
        """Write this batch, however long the database is away; at a stop only once: the topic keeps it."""
        began_ns = time.time_ns()
        while batch:
            try:
                written = await self._writer.write(member.log, batch)
            except OffsetsMoved:
                log.info("offsets_moved_by_another", partitions=sorted(batch.next))
                member.forget()
                return
            except psycopg.Error as exc:
                if self._stopping.is_set():
                    member.forget()  # what was read behind it would leave a hole
                    return
                await self._wait_for_database(exc)
                continue
            self._database_answers()
            if written.dead_letters:
                log.warning("dead_letters", count=written.dead_letters, table="message_log_dead_letters")
            if self._traces is not None:
                events = ((row.raw, row.partition, row.offset) for row in batch.rows)
                self._traces.tell_events(Step.ROW, events, began_ns, {(d.partition, d.offset) for d in written.dead})
            self._figures.wrote(written, batch.rows[-1].sent_at if batch.rows else None)
            if member.knows_its_place:
                self._figures.committed |= batch.next
                self._read_until(member, batch.until)
            return

    def _read_until(self, member: Member, until: Mapping[int, int]) -> None:
        member.read_until.written(until)
        self._figures.now.read_until_ms = member.read_until.ms

    async def _alarm(self, member: Member, problems: dict[int, str]) -> None:
        """The broker does not have what comes next in these partitions."""
        await self._same_life(member)
        if not member.log.topic_id and member.knows_its_place:
            begin = await member.share.beginnings(problems)
            if any(member.is_past(p, offset) for p, offset in begin.items()):
                await self._begin_again(member, problems)
                return
        detail = ", ".join(problems.values())
        log.error("offsets_out_of_range", **asdict(member.log), detail=detail)
        raise OffsetsOutOfRange(member.log, detail)

    def _ready(self) -> None:
        if not self._is_ready:
            self._is_ready = True
            self._on_ready()

    async def _wait_for_database(self, exc: psycopg.Error) -> None:
        wait_s = self._database.failed(exc, _now_s())
        self._figures.now.database_down, self._figures.now.database_refusal = True, self._database.refusal
        await self._wait(wait_s)

    def _database_answers(self) -> None:
        self._figures.now.database_down, self._figures.now.database_refusal = False, ""
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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
