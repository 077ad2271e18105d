"""A source database made by the sample SQL, a log database, Redis, and run processors over them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import redis
import trio
from msgspec import msgpack
from pydantic import SecretStr

from schema.job import Job, decode_record
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.outage import Outage
from schema.runtime.redis import open_redis
from schema.snapshot import RunsSnapshot
from sender.queue.page_queue import PageQueue
from sender.queue.redis_memory import MemoryReader
from sender.queue.run_queue import RunFacts, RunQueue
from sender.runs.bookkeeper import Bookkeeper
from sender.runs.databases.database import Database
from sender.runs.databases.not_taken_runs import NotTakenRuns
from sender.runs.databases.noted_names import NotedNames
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import SUBMITTED, Source, SourceName, Views
from sender.runs.known_pages import KnownPages
from sender.runs.processor import RunProcessor
from sender.runs.room import Room
from sender.sealed_tokens import TokenBox

SAMPLES = Path(__file__).parents[3] / "schema" / "source"
KEY = SecretStr("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
NOON_MS = 1_800_014_400_000
"""2027-01-15 12:00 UTC: after everything that the database stamps with its own clock, so far from Redis's clock that
nobody is outside the 24-hour window for sure."""


class World:
    """Everything around one or more run processors, with short ways to look at it. Looking blocks: it is local."""

    def __init__(self, url: str, redis_url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self.redis_url = redis_url
        self.box = TokenBox(KEY)
        self.now_ms = NOON_MS
        self._stack = stack
        self._admin = stack.enter_context(psycopg.connect(url, autocommit=True))
        self._redis = stack.enter_context(redis.Redis.from_url(redis_url))
        self.client = open_redis(redis_url)
        stack.push_async_callback(aio, self.client.aclose)
        self.queue = RunQueue(self.client)
        self.page_queue = PageQueue(self.client)
        self.figures = RunsSnapshot()

    def sql(self, query: str, *params: object) -> list[Any]:
        """Run SQL as the owner of the database; return the rows, single columns bare."""
        cursor = self._admin.execute(query.encode(), params or None)
        rows = cursor.fetchall() if cursor.description else []
        return [row[0] if len(row) == 1 else row for row in rows]

    def sample(self, name: str) -> None:
        """Apply a file of schema/source."""
        self.sql((SAMPLES / name).read_text())

    def page(self, page_id: str = "100", *, has_token: bool = True) -> None:
        """Add a page to the example tables; its token is `secret-token`."""
        self.sql("INSERT INTO pages VALUES (%s, 'A page', %s)", page_id, "secret-token" if has_token else "")

    def run(self, *recipients: str, page_id: str = "100", message: object = None, status: str = "queued") -> str:
        """Add a broadcast with these recipients; return its id."""
        message = {"text": "Hi {{first_name|there}}"} if message is None else message
        [run_id] = self.sql(
            "INSERT INTO broadcasts (page_id, message, status) VALUES (%s, %s, %s) RETURNING id::text",
            page_id,
            json.dumps(message),
            status,
        )
        self.recipient(run_id, *recipients, page_id=page_id)
        return str(run_id)

    def recipient(self, run_id: str, *recipients: str, page_id: str = "100") -> None:
        """Add recipients to a broadcast."""
        with self._admin.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO broadcast_recipients VALUES (%s, %s, %s)", [(run_id, page_id, r) for r in recipients]
            )

    def count_recipients(self) -> None:
        """Let the source say of each run how many recipients it has."""
        self.sql("ALTER TABLE broadcasts ADD COLUMN IF NOT EXISTS recipients int")
        [query] = self.sql("SELECT pg_get_viewdef('newar_runs')")
        if "b.recipients" not in query:
            self.sql("CREATE OR REPLACE VIEW newar_runs AS " + query.replace("\n   FROM", ", b.recipients\n   FROM", 1))

    def empty_run(self) -> str:
        """Add a broadcast of which the source says that it has no recipients; return its id."""
        run_id = self.run()
        self.count_recipients()
        self.change(run_id, recipients=0)
        return run_id

    def submitted_run(self, run_id: str, *recipients: str) -> None:
        """Add a run of this id given by hand."""
        self.sql(
            "INSERT INTO submitted_runs (run_id, page_id, page_access_token, message) VALUES (%s, '100', 'token', %s)",
            *(run_id, '{"text": "Hi"}'),
        )
        for recipient in recipients:
            self.sql("INSERT INTO submitted_recipients VALUES (%s, %s)", run_id, recipient)

    def change(self, run_id: str, **columns: object) -> None:
        """Change columns of a broadcast."""
        for name, value in columns.items():
            self.sql(f"UPDATE broadcasts SET {name} = %s WHERE id::text = %s", value, run_id)  # noqa: S608

    def log(
        self, run_id: str, recipient_id: str, outcome: str, *, attempt: int = 1, error_class: str | None = None
    ) -> None:
        """Add a row to the message log, with its figure; its partitions must be there."""
        self.sql(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, "
            "sender_id, sent_at) VALUES (gen_random_uuid(), %s, '100', %s, %s, %s, %s, 'sender', now())",
            *(run_id, recipient_id, attempt, outcome, error_class),
        )
        self.sql(
            "INSERT INTO run_figures AS known (run_id, outcome, error_class, messages, first_at, last_at) "
            "VALUES (%s, %s, coalesce(%s, ''), 1, now(), now()) "
            "ON CONFLICT (run_id, outcome, error_class) DO UPDATE SET messages = known.messages + 1",
            *(run_id, outcome, error_class),
        )

    def database(self, *, read_only: bool = False, url: str | None = None) -> Database:
        """Return a connection of the kind the service has, closed with the world."""
        database = Database(SecretStr(url or self.url), Outage("a database"), read_only=read_only)
        self._stack.push_async_callback(database.close)
        return database

    def registry_client(self) -> Registry:
        """Return a registry with a connection of its own."""
        return Registry(self.database())

    def known_pages(self, *, complete: bool) -> KnownPages:
        """Return what a run processor knows of pages at its start."""
        return KnownPages(self.page_queue, self.box, complete=complete)

    def processor(
        self,
        name: SourceName = "source",
        *,
        chunk: int = 3,
        views: Views | None = None,
        source: Any = None,
        registry: Any = None,
        not_taken: NotTakenRuns | None = None,
        names: NotedNames | None = None,
        queue: Any = None,
        pages: KnownPages | None = None,
        enforce_window: bool = True,
        grace_ms: int = 600_000,
        rules_off: Collection[str] = (),
        memory: Any = None,
        figures: RunsSnapshot | None = None,
    ) -> RunProcessor:
        """Return a run processor with connections of its own; parts may be replaced."""
        queue, log, figures = queue or self.queue, self.database(), figures or RunsSnapshot()
        kind = SUBMITTED if name == "submitted" else views or Views()
        return RunProcessor(
            source or Source(name, self.database(read_only=name == "source"), kind),
            registry or Registry(log),
            not_taken or NotTakenRuns(log, name),
            names or NotedNames(log),
            queue,
            pages or self.known_pages(complete=True),
            Room(name, memory or MemoryReader(self.client, None), 0.1, figures),
            chunk=chunk,
            figures=figures,
            grace_ms=grace_ms,
            enforce_window=enforce_window,
            rules_off=rules_off,
            clock_ms=lambda: self.now_ms,
        )

    async def turn(self, processor: RunProcessor | None = None, *, grace_ms: int = 600_000) -> None:
        """Let a processor, a new one unless it is given, look once and enqueue all that it may."""
        async with self.database(read_only=True) as source, self.database() as log:
            fresh = self.processor(
                source=Source("source", source, Views()),
                registry=Registry(log),
                not_taken=NotTakenRuns(log, "source"),
                names=NotedNames(log),
                grace_ms=grace_ms,
            )
            await (processor or fresh).turn(trio.current_time() + 120, trio.Event())

    async def keep_books(self) -> None:
        """Let a bookkeeper look once."""
        async with self.database() as log:
            await Bookkeeper(Registry(log), self.queue, self.figures).look()

    def jobs(self, run_id: str) -> list[Job]:
        """Return what waits in the queue for a run, in its order."""
        return [decode_record(record)[1] for record in self._redis.lrange(key(f"jobs:{run_id}"), 0, -1)]

    def zoned_jobs(self, run_id: str, zone: str) -> list[str]:
        """Return who of a run waits for the hours of a time zone of their own."""
        records = self._redis.lrange(key(f"hours:{run_id}\0{zone}"), 0, -1)
        return [decode_record(record)[1].recipient_id for record in records]

    def windows(self, run_id: str) -> dict[str, list[int]] | None:
        """Return the hours that the queue knows of a run: zone -> opens, closes, ... (ms); None: it has no window."""
        packed = self._redis.hget(key(f"run:{run_id}"), "windows")
        return None if packed is None else msgpack.decode(packed, type=dict[str, list[int]])

    def open_at(self, run_id: str, at_ms: int, zone: str = "") -> bool:
        """Say whether the queue knows a run to be open at a moment."""
        moments = (self.windows(run_id) or {})[zone]
        return any(opens <= at_ms < closes for opens, closes in zip(moments[::2], moments[1::2], strict=True))

    def asides(self, run_id: str) -> dict[str, str]:
        """Return who stands aside of a run's jobs: recipient -> error class."""
        jobs = [decode_record(record)[1] for record in self._redis.lrange(key(f"aside:{run_id}"), 0, -1)]
        return {job.recipient_id: job.aside.error_class for job in jobs if job.aside}

    def recipients(self, run_id: str) -> list[str]:
        """Return who waits in the queue for a run, in its order."""
        return [job.recipient_id for job in self.jobs(run_id)]

    def spec(self, run_id: str) -> dict[str, Any]:
        """Return the run as the senders read it."""
        found: dict[str, Any] = json.loads(self._redis.hget(key(f"run:{run_id}"), "spec"))
        return found

    def registered(self, run_id: str) -> dict[str, Any] | None:
        """Return the run's row of the registry."""
        rows = self.sql("SELECT to_jsonb(runs) FROM runs WHERE run_id = %s", run_id)
        return rows[0] if rows else None

    def state(self, run_id: str) -> str | None:
        """Return the run's state in the registry."""
        row = self.registered(run_id)
        return None if row is None else row["state"]

    def not_taken(self) -> dict[str, tuple[str, str]]:
        """Return run id -> kind and reason of the runs that are noted as not taken."""
        return {
            run_id: (kind, reason) for run_id, kind, reason in self.sql("SELECT run_id, kind, reason FROM not_taken")
        }

    async def facts(self, run_id: str) -> RunFacts:
        """Return what the queue knows of a run."""
        return (await self.queue.facts([run_id]))[run_id]

    def page_in_queue(self, page_id: str = "100") -> dict[str, str]:
        """Return the queue's fields of a page."""
        return {k.decode(): v.decode(errors="replace") for k, v in self._redis.hgetall(key(f"page:{page_id}")).items()}

    def redis_command(self, *command: str) -> None:
        """Do something to Redis that none of ours would."""
        self._redis.execute_command(*command)

    def lose_redis(self) -> None:
        """Empty Redis."""
        self._redis.flushall()


@asynccontextmanager
async def open_world(url: str, redis_url: str) -> AsyncIterator[World]:
    """Make the source by the samples, in the migrated database at `url`. Needs the asyncio loop."""
    async with AsyncExitStack() as stack:
        world = World(url, redis_url, stack)
        world.sample("tables.sql")
        world.sample("views.sql")
        world.sample("index.sql")
        yield world
