"""What the source, or the tables of submitted runs, say of one person and of a run, asked within a short time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import msgspec
import trio

from ops.board.runs.run_answers import CheckStatus
from ops.board.settings import RecipientsSettings
from ops.board.source_of import open_source
from sender.runs.databases.errors import RunsError
from sender.runs.databases.source_views import Source
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.rows import SourceRun

ANSWER_WITHIN_S = 4.0
AT_A_TIME = 2
"""Connections that questions of people may open at a time: the source is somebody else's database."""
T = TypeVar("T")


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """A run as `runs_of_person.sql` has it."""

    run_id: str
    page_id: str
    state: str
    source: str
    """`source` or `submitted`: where its recipients stand."""
    recipients_of: str
    """The run that names them."""
    taken_at: datetime


class Said(msgspec.Struct, Generic[T], frozen=True):
    """What was answered, and whether it could be asked."""

    value: T
    status: CheckStatus = "ok"


async def _runs_with(recipient_id: str, run_ids: list[str], source: Source) -> list[str]:
    return await source.runs_with(recipient_id, run_ids)


class NamedRecipients:
    """Methods are Trio coroutines that do not fail: who cannot be asked has said nothing."""

    def __init__(self, settings: RecipientsSettings) -> None:
        self._settings = settings
        self._turns = trio.Semaphore(AT_A_TIME)

    async def in_runs(self, recipient_id: str, runs: Sequence[Registered]) -> Said[set[str]]:
        """Return those of these runs in which this person stands."""
        found: set[str] = set()
        status: CheckStatus = "ok"
        for name in ("source", "submitted"):
            some = [run for run in runs if run.source == name]
            if not some:
                continue
            named_by = list({run.recipients_of for run in some})
            answer = await self._ask(name, partial(_runs_with, recipient_id, named_by))
            found |= {run.run_id for run in some if run.recipients_of in (answer.value or ())}
            status = status if answer.status == "ok" else answer.status
        return Said(found, status)

    async def row(self, recipient_id: str, run: Registered) -> Said[RecipientRow | None]:
        """Return the person as the run's recipients name them now; None: they do not."""
        found = await self._ask(run.source, lambda source: source.recipients_named(run.recipients_of, [recipient_id]))
        return Said((found.value or {}).get(recipient_id), found.status)

    async def run(self, run_id: str) -> Said[SourceRun | None]:
        """Return a run as it stands there now; None: it does not."""
        status: CheckStatus = "ok"
        for name in ("source", "submitted"):
            found = await self._ask(name, lambda source: source.runs([run_id]))
            if found.value:
                return Said(found.value[0])
            status = status if found.status in ("ok", "not_configured") else found.status
        return Said(None, status)

    async def _ask(self, name: str, question: Callable[[Source], Awaitable[T]]) -> Said[T | None]:
        try:
            async with self._turns:
                with trio.fail_after(ANSWER_WITHIN_S):
                    async with open_source(self._settings, name) as source:
                        if source is None:
                            return Said(None, "not_configured")
                        return Said(await question(source))
        except (trio.TooSlowError, RunsError):
            return Said(None, "down")
