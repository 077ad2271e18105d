"""Dry runs: a run of the source or a submitted one, or one that is only described, gone through without a trace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TextIO

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.board.settings import RecipientsSettings
from ops.board.source_of import open_source
from ops.board.speed import messages_per_second
from schema.run import Run
from schema.runtime.outage import Outage
from schema.text import TextError
from sender.message.window import Now
from sender.queue.page_queue import PageQueue
from sender.runs.by_hand.files.recipient import Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.by_hand.submit import SHOWN_PROBLEMS
from sender.runs.databases.database import Database
from sender.runs.databases.errors import RunsError
from sender.runs.databases.registry import Registry
from sender.runs.databases.source_views import Source
from sender.runs.dry_run.examination import Examination
from sender.runs.dry_run.report import DryRun
from sender.runs.rules.check import Refusal, check, expected_recipients, moment_ms
from sender.runs.rules.not_taken import unseen, unusable
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.rows import PageRow, SourceRun
from sender.runs.rules.surely_not_sent import Suppression

Chunks = AsyncGenerator[list[RecipientRow], None]
CHUNK = 2000
_TWICE = "{} rows are `unknown`: these people may have the message already, so take them out of the file"
_TOKENLESS = "nobody knows a page_access_token of this page: the run is refused, unless another of the page brings one"


class NoSuchRun(TextError):
    """There is no run of this id that could be gone through; the text says why."""


class DryRuns:
    """Methods are Trio coroutines. Errors: DatabaseAway, QueryRefused.

    Args:
        settings: where runs and their recipients stand.
        redis: knows how fast pages may go; None: nobody does.
        keep_window: whether the 24-hour window is kept.
        rules_off: rules of a message's form that do not count.
    """

    def __init__(
        self, settings: RecipientsSettings, redis: Redis | None, *, keep_window: bool, rules_off: Collection[str]
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._keep_window = keep_window
        self._rules_off = rules_off

    async def of_run(self, run_id: str) -> DryRun:
        """Go through a run as it stands there.

        Raises:
            NoSuchRun: nobody knows it, or its recipients stand in another one.
        """
        async with open_source(self._settings, "source") as source:
            if source and (rows := await source.runs([run_id])):
                return await self._of_source(source, rows[0])
        async with open_source(self._settings, "submitted") as source:
            if source and (rows := await source.runs([run_id])):
                return await self._of_submitted(source, rows[0])
        raise NoSuchRun("no run has the id %(run)s: neither one of the source nor a submitted one", run=run_id)

    async def of_file(self, row: SourceRun, file: Path | TextIO) -> DryRun:
        """Go through a run that is only described, with the recipients of a file.

        Raises:
            BadFile: it is no such file, or damaged.
            OSError: it cannot be read.
        """
        bad: list[str] = []
        page = await self._page(row.page_id)
        with open_recipients(file) as recipients:
            rows = _rows(recipients, bad)
            found = await self._examine(row, _chunks(rows), page, columns=recipients.variables or ())
            deque(rows, maxlen=0)  # of a run that is refused, nobody has read the lines yet
            if not found.recipients and not found.stops and not bad:
                bad.append("the file names no recipient")
            more = [f"and {len(bad) - SHOWN_PROBLEMS} more lines"] if len(bad) > SHOWN_PROBLEMS else []
            twice = [_TWICE.format(recipients.may_have_it)] if recipients.may_have_it else []
            return msgspec.structs.replace(
                found,
                stops=[*found.stops, *twice],
                notes=[*found.notes, *await self._token_note(row, page)],
                unreadable=[*bad[:SHOWN_PROBLEMS], *more],
                taken_as=recipients.how(),
            )

    async def _of_source(self, source: Source, row: SourceRun) -> DryRun:
        page = next((one for one in await source.pages() if one.page_id == row.page_id), None)
        found = await self._examine(row, _recipients(source, row.run_id), page)
        survey = await source.survey(row.run_id)
        problem = unseen(expected_recipients(row), survey.rows) or unusable(survey)
        return msgspec.structs.replace(
            found,
            stops=[*found.stops, *([problem] if problem else [])],
            notes=[*found.notes, *await self._token_note(row, page)],
        )

    async def _of_submitted(self, source: Source, row: SourceRun) -> DryRun:
        if row.parent_run_id:
            raise NoSuchRun(
                "%(run)s is a retry of %(parent)s, whose recipients it has: check that",
                run=row.run_id,
                parent=row.parent_run_id,
            )
        return await self._examine(row, _recipients(source, row.run_id), await self._page(row.page_id))

    async def _token_note(self, row: SourceRun, page: PageRow | None) -> list[str]:
        """Say that nobody knows a token of the page, where that is so."""
        tokens = [row.page_access_token, page.page_access_token if page else None]
        if any((token or "").strip() for token in tokens):
            return []
        try:
            in_queue, _ = await PageQueue(self._redis).token(row.page_id or "") if self._redis else ("unknown", 0)
        except (RedisError, OSError):
            return []
        return [] if in_queue else [_TOKENLESS]

    async def _page(self, page_id: str | None) -> PageRow | None:
        """Return what the source says of a page; None: nothing, or it cannot be asked."""
        try:
            async with open_source(self._settings, "source") as source:
                pages = await source.pages() if source else []
        except RunsError:
            return None
        return next((page for page in pages if page.page_id == page_id), None)

    async def _examine(
        self, row: SourceRun, chunks: Chunks, page: PageRow | None, columns: Iterable[str] = ()
    ) -> DryRun:
        now_ms, zone = time.time_ns() // 1_000_000, page.time_zone if page else None
        run = check(row, now_ms=now_ms, has_token=True, time_zone=zone, own_zones=True, rules_off=self._rules_off)
        if isinstance(run, Refusal):
            return DryRun(page_id=row.page_id, page_name=page.name if page else None, stops=[run.reason], notes=[])
        due_ms = max(now_ms, moment_ms(row.scheduled_at_s or 0.0))
        examination = Examination(run, Now(due_ms, due_ms), keep_window=self._keep_window, rules_off=self._rules_off)
        examination.names.expect(columns)
        log = Database(self._settings.log_database_url, Outage("log database"), read_only=True)
        async with aclosing(chunks) as read, log as database:
            registry = Registry(database)
            async for rows in read:
                entries: dict[str, list[Suppression]] = {}
                for entry in await registry.suppressed(run.page_id, list({one.recipient_id for one in rows})):
                    entries.setdefault(entry.recipient_id, []).append(entry)
                examination.add(rows, entries)
        found = examination.report()
        if found.recipients and run.expires_at_ms <= due_ms:
            found.stops.append(
                "its expires_at comes before it can begin: everybody would end as expired; write a later one"
            )
        per_second = await self._per_second(run, page)
        takes_s = round(found.would_get / per_second, 1) if per_second else None
        name = page.name if page else None
        return msgspec.structs.replace(found, page_name=name, per_second=per_second, takes_s=takes_s)

    async def _per_second(self, run: Run, page: PageRow | None) -> float | None:
        """Return how fast the page may go now; None: not known."""
        text = (page.limit_media if run.content == "media" else page.limit_text) if page else None
        limit = float(text) if text and text.isdigit() else None
        try:
            return await messages_per_second(self._redis, run.page_id, run.content, limit) if self._redis else None
        except (RedisError, OSError):
            return None


async def _recipients(source: Source, run_id: str) -> Chunks:
    cursor = ""
    while rows := await source.recipients(run_id, cursor, CHUNK):
        yield rows
        cursor = rows[-1].recipient_id


def _rows(recipients: Iterable[Recipient | BadLine], bad: list[str]) -> Iterator[RecipientRow]:
    """Turn recipients of a file into rows as they would be read again; what cannot be used goes into `bad`."""
    for one in recipients:
        if isinstance(one, BadLine):
            bad.append(str(one))
            continue
        last_s = None if one.last_interaction_at is None else one.last_interaction_at.timestamp()
        yield RecipientRow(one.recipient_id, one.variables_text, last_s, one.time_zone)


async def _chunks(rows: Iterable[RecipientRow]) -> Chunks:
    chunk: list[RecipientRow] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
