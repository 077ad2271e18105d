"""Storing a run given by hand, with the recipients of a file, in the log database. Asyncio code."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import msgspec
from psycopg import AsyncConnection, AsyncCursor

from sender.runs.by_hand.described import described_run
from sender.runs.by_hand.errors import BadFile, RunMisdescribed, RunUnusable
from sender.runs.by_hand.files.recipient import Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.databases.database import statement
from sender.runs.rules.check import at, moment_ms
from sender.runs.rules.rows import SourceRun
from sender.sealed_tokens import TokenBox

_statement = partial(statement, room="by_hand")
SHOWN_PROBLEMS = 20


class SubmittedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the command line gives it. None: the default counts. Moments are aware."""

    run_id: str
    page_id: str
    page_access_token: str | None = None
    """In the clear; None: the page's token from the source counts."""
    message: dict[str, Any]
    messaging_type: str | None = None
    tag: str | None = None
    notification_type: str | None = None
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    send_window: str | None = None
    priority: int | None = None
    on_unknown: str | None = None
    parent_run_id: str | None = None


class Submitted(msgspec.Struct, frozen=True):
    """What was stored."""

    recipients: int
    taken_as: str
    """How the file was taken, in one line."""


async def submit(
    url: str, file: Path | TextIO, run: SubmittedRun, box: TokenBox, who: str, *, rules_off: Collection[str] = ()
) -> Submitted:
    """Store the run and its recipients in one transaction, all or nothing. One of this id that was refused makes room.

    Args:
        url: the log database, migrated.
        file: as `recipients_file.open_recipients` takes it.
        run: a token in it is sealed before it is stored.
        box: seals it.
        who: submits it, for the audit trail.
        rules_off: rules of a message's form that do not count.

    Raises:
        RunMisdescribed: the run would be refused.
        RunUnusable: its id is taken.
        BadFile: lines cannot be used; all are counted, the first are named.
        OSError: the file cannot be read.
        psycopg.Error: the database cannot be reached or refuses.
    """
    refuse_unusable(run, rules_off)
    with open_recipients(file) as recipients:
        async with (
            await AsyncConnection.connect(url, prepare_threshold=None) as connection,
            connection.cursor() as cursor,
        ):
            await cursor.execute(_statement("submit_again"), {"run_id": run.run_id})
            await cursor.execute(_statement("submit_taken"), {"run_id": run.run_id})
            if await cursor.fetchone():
                raise RunUnusable("run_id %(run)s is taken: choose another", run=repr(run.run_id))
            stored = await _store_recipients(cursor, run.run_id, recipients)
            await cursor.execute(_statement("submit_run"), _row(run, box))
            await cursor.execute(_statement("submit_count"), {"run_id": run.run_id, "recipients": stored})
            detail = f"page {run.page_id}, {stored} recipients"
            note = {"who": who, "run_id": run.run_id, "detail": detail}
            await cursor.execute(_statement("submit_audit"), note)
        return Submitted(stored, recipients.how())  # leaving the connection's block without an error has committed


def as_row(run: SubmittedRun) -> SourceRun:
    """Return the run as the run processor will read it."""

    def seconds(moment: datetime | None) -> float | None:
        return None if moment is None else moment.timestamp()

    return SourceRun(
        run_id=run.run_id,
        page_id=run.page_id,
        page_access_token=run.page_access_token,
        message=msgspec.json.encode(run.message).decode(),
        messaging_type=run.messaging_type,
        tag=run.tag,
        notification_type=run.notification_type,
        scheduled_at_s=seconds(run.scheduled_at),
        expires_at_s=seconds(run.expires_at),
        send_window=run.send_window,
        priority=None if run.priority is None else str(run.priority),
        on_unknown=run.on_unknown,
    )


def refuse_unusable(run: SubmittedRun, rules_off: Collection[str]) -> None:
    """See that the run would not be refused, whatever its recipients are.

    Raises:
        RunMisdescribed: naming everything that is wrong with it.
    """
    described_run(as_row(run), rules_off)
    if not run.run_id.strip() or "\0" in run.run_id:
        raise RunMisdescribed("run_id is empty")


async def _store_recipients(cursor: AsyncCursor[Any], run_id: str, recipients: Iterable[Recipient | BadLine]) -> int:
    problems: list[str] = []
    bad = stored = 0
    async with cursor.copy(_statement("submit_recipients")) as copy:
        for found in recipients:
            if isinstance(found, BadLine):
                bad += 1
                if len(problems) < SHOWN_PROBLEMS:
                    problems.append(str(found))
            elif not bad:
                await copy.write_row(_columns(run_id, found))
                stored += 1
        if bad:
            raise BadFile(problems, bad)
    if not stored:
        raise BadFile(["the file names no recipient"], 1)
    return stored


def _columns(run_id: str, recipient: Recipient) -> tuple[object, ...]:
    return run_id, recipient.recipient_id, recipient.variables_text, recipient.last_interaction_at, recipient.time_zone


def _row(run: SubmittedRun, box: TokenBox) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(run),
        "page_access_token": box.sealed(run.page_access_token),
        "scheduled_at": _within_reach(run.scheduled_at),
        "expires_at": _within_reach(run.expires_at),
        "message": msgspec.json.encode(run.message).decode(),
    }


def _within_reach(moment: datetime | None) -> datetime | None:
    return None if moment is None else at(moment_ms(moment.timestamp()))
