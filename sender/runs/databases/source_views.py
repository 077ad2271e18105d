"""Reading runs, recipients and pages: from the views of the source database, or from the submitted tables alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Self

import msgspec
from psycopg import sql
from psycopg.rows import TupleRow

from schema.runtime.settings import SourceDatabaseSettings
from sender.runs.databases.database import Database, statement
from sender.runs.databases.errors import QueryRefused
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.rows import Head, PageRow, SourceRun

SourceName = Literal["source", "submitted"]

_COLUMNS = {
    "runs": [
        *("run_id", "page_id", "page_access_token", "message", "messaging_type", "tag", "notification_type"),
        *("status", "scheduled_at", "expires_at", "send_window", "priority", "on_unknown", "updated_at"),
    ],
    "recipients": ["run_id", "recipient_id", "variables", "last_interaction_at"],
    "pages": ["page_id", "page_access_token", "time_zone", "weight", "limit_text", "limit_media"],
}
_ZONE = "time_zone"
"""A column that the view of the recipients may have or not."""
_NUMBERS = {"bigint", "integer", "numeric", "double precision", "real"}
_MOMENTS = {"scheduled_at", "expires_at", "updated_at", "last_interaction_at"}


class Views(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the three views, possibly with their schema (`newar.newar_runs`). Case counts."""

    runs: str = "newar_runs"
    recipients: str = "newar_recipients"
    pages: str | None = "newar_pages"
    """May be missing in the database; None: there is none."""
    parent: bool = False
    """Whether runs have a column `parent_run_id`."""

    @classmethod
    def of(cls, settings: SourceDatabaseSettings) -> Self:
        """Return those that the settings name."""
        return cls(
            runs=settings.source_runs_view,
            recipients=settings.source_recipients_view,
            pages=settings.source_pages_view,
        )


SUBMITTED = Views(runs="submitted_runs", recipients="submitted_recipients", pages=None, parent=True)
"""Runs given by hand, in the log database."""


class Source:
    """One place that runs come from. Methods are Trio coroutines. Errors: DatabaseAway, QueryRefused."""

    def __init__(self, name: SourceName, database: Database, views: Views) -> None:
        self.name = name
        self._database = database
        self._views = views
        self._checked = False
        self._has_pages = False
        self._has_zones = False

    async def heads(self, after: str, limit: int) -> list[Head]:
        """Return the next runs in the order of their ids, behind the id `after` ("" to begin)."""
        query = statement("heads_submitted" if self.name == "submitted" else "heads").format(
            runs=_name(self._views.runs)
        )
        return [Head(*row) for row in await self._rows(query, after=after, limit=limit)]

    async def runs(self, run_ids: list[str]) -> list[SourceRun]:
        """Return these runs in full."""
        parent = sql.SQL("parent_run_id" if self._views.parent else "NULL")
        query = statement("runs").format(runs=_name(self._views.runs), parent=parent)
        return [SourceRun(*row) for row in await self._rows(query, run_ids=run_ids)]

    async def recipients(self, run_id: str, cursor: str, limit: int, *, zones: bool = False) -> list[RecipientRow]:
        """Return the next recipients behind the id `cursor` ("" to begin); fewer than `limit` are the last.

        `zones`: with their own time zones, where the view has them.
        """
        await self._check()
        zone = sql.SQL("time_zone::text" if zones and self._has_zones else "NULL")
        query = statement("recipients").format(recipients=_name(self._views.recipients), time_zone=zone)
        rows = await self._rows(query, run_id=run_id, cursor=cursor, limit=limit)
        return [RecipientRow(*row) for row in rows]

    async def has_zones(self, run_id: str) -> bool:
        """Say whether some recipients of a run have a time zone of their own."""
        self._checked = self._checked and self._has_zones  # such a column may be added at any time
        await self._check()
        if not self._has_zones:
            return False
        query = statement("has_zones").format(recipients=_name(self._views.recipients))
        [(found,)] = await self._rows(query, run_id=run_id)
        return bool(found)

    async def without_id(self, run_id: str) -> int:
        """Count the rows of a run whose recipient id is missing, empty or over 500 characters: they can be nobody's."""
        query = statement("without_id").format(recipients=_name(self._views.recipients))
        [(count,)] = await self._rows(query, run_id=run_id)
        return int(count)

    async def implausible_moments(self, most: int) -> int:
        """Count who, of the first `most` recipients that the view gives, acted before 2015 or in the future."""
        query = statement("implausible").format(recipients=_name(self._views.recipients))
        [(count,)] = await self._rows(query, most=most)
        return int(count)

    async def pages(self) -> list[PageRow]:
        """Return what the source says of its pages; nothing when it has no such view."""
        self._checked = self._checked and self._has_pages  # such a view may be added at any time
        await self._check()
        if not self._has_pages or self._views.pages is None:
            return []
        query = statement("pages").format(pages=_name(self._views.pages))
        return [PageRow(*row) for row in await self._rows(query)]

    async def _rows(self, query: sql.Composed, **params: object) -> list[TupleRow]:
        await self._check()
        try:
            return await self._database.rows(query, **params)
        except QueryRefused as exc:
            refused = exc
        self._checked = False
        await self._check()  # says it more clearly, when a view has changed
        raise QueryRefused(refused.part, f"{refused} (compare your views with schema/source/views.sql)") from refused

    async def _check(self) -> None:
        """Compare the views with what they must offer: once, and again after an error.

        Raises:
            QueryRefused: naming every view and column that is missing, and what to write.
        """
        if self._checked:
            return
        views = {"runs": self._views.runs, "recipients": self._views.recipients, "pages": self._views.pages}
        problems: list[str] = []
        for kind, view in views.items():
            has = await self._columns(view) if view else {}
            if kind == "pages":
                self._has_pages = bool(has)
            if kind == "recipients":
                self._has_zones = _ZONE in has
            if has or kind != "pages":
                problems += _unfit(kind, str(view), has)
        if problems and self.name == "submitted":
            raise QueryRefused(
                self._database.part, "it lacks tables or columns; bring it up to date with: newar migrate"
            )
        if problems:
            raise QueryRefused(self._database.part, "; ".join([*problems, "see schema/source/views.sql for samples"]))
        self._checked = True

    async def _columns(self, view: str) -> dict[str, str | None]:
        rows = await self._database.rows(statement("columns"), view=_name(view).as_string(None))
        return dict(rows)


def _name(view: str) -> sql.Identifier:
    return sql.Identifier(*view.split("."))


def _unfit(kind: str, view: str, has: Mapping[str, str | None]) -> Iterator[str]:
    """Yield what is wrong with a view; `has`: column -> its type, None: a moment with its zone."""
    setting = f"SOURCE_{kind.upper()}_VIEW"
    if not has:
        yield f"the view {view} does not exist here: create it, or name yours in {setting}"
        return
    if missing := [column for column in _COLUMNS[kind] if column not in has]:
        yield (
            f"the view {view} lacks {', '.join(missing)}: add each to its SELECT, "
            f"with NULL AS {missing[0]} where your tables have nothing like it"
        )
    for column in sorted(_MOMENTS & has.keys()):
        if (found := has[column]) is not None:
            yield f"{column} of the view {view} is {found}{_mend(column, found)}"


def _mend(column: str, found: str) -> str:
    """Say what to write for a moment of another type. One without a zone is not cast: that takes our zone."""
    if found.startswith(("timestamp", "date")):
        day = "::timestamp" if found == "date" else ""
        return f", whose time zone nobody knows: write {column}{day} AT TIME ZONE 'UTC', or the zone it was written in"
    if found in _NUMBERS:
        return (
            f": write to_timestamp({column} / 1000.0) where it counts milliseconds, to_timestamp({column}) for seconds"
        )
    return f": write {column}::timestamptz, or NULL::timestamptz"
