"""Reading runs, recipients and pages: from the views of the source database, or from the submitted tables alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

import msgspec
from psycopg import sql
from psycopg.rows import TupleRow

from schema.runtime.settings import SourceDatabaseSettings
from sender.runs.databases.database import Database, statement
from sender.runs.databases.errors import QueryRefused
from sender.runs.databases.view_columns import COUNT, NAME, ZONE, ViewKind, unfit
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.rows import Head, PageRow, SourceRun, Survey

SourceName = Literal["source", "submitted"]


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
        self._has_count = False
        self._has_names = False

    async def heads(self, after: str, limit: int) -> list[Head]:
        """Return the next runs in the order of their ids, behind the id `after` ("" to begin)."""
        query = statement("heads_submitted" if self.name == "submitted" else "heads").format(
            runs=view_name(self._views.runs)
        )
        return [Head(*row) for row in await self._rows(query, after=after, limit=limit)]

    async def runs(self, run_ids: list[str]) -> list[SourceRun]:
        """Return these runs in full."""
        await self._check()
        query = statement("runs").format(
            runs=view_name(self._views.runs),
            parent=sql.SQL("parent_run_id" if self._views.parent else "NULL"),
            recipients=sql.SQL("recipients::text" if self._has_count else "NULL"),
        )
        return [SourceRun(*row) for row in await self._rows(query, run_ids=run_ids)]

    async def unknown_words(self) -> list[tuple[str, str, str]]:
        """Return (run id, page id, status) of runs whose status is nearly a word that counts: the first hundred."""
        query = statement("unknown_words").format(runs=view_name(self._views.runs))
        return [(run_id, page_id, status) for run_id, page_id, status in await self._rows(query)]

    async def recipients(self, run_id: str, cursor: str, limit: int, *, zones: bool = False) -> list[RecipientRow]:
        """Return the next recipients behind the id `cursor` ("" to begin); fewer than `limit` are the last.

        `zones`: with their own time zones, where the view has them.
        """
        await self._check()
        zone = sql.SQL("time_zone::text" if zones and self._has_zones else "NULL")
        query = statement("recipients").format(recipients=view_name(self._views.recipients), time_zone=zone)
        rows = await self._rows(query, run_id=run_id, cursor=cursor, limit=limit)
        return [RecipientRow(*row) for row in rows]

    async def recipients_named(self, run_id: str, recipient_ids: list[str]) -> dict[str, RecipientRow]:
        """Return those of these recipients that stand in the run, by id, with their own time zones if there are any."""
        await self._check()
        zone = sql.SQL("time_zone::text" if self._has_zones else "NULL")
        query = statement("recipients_named").format(recipients=view_name(self._views.recipients), time_zone=zone)
        rows = await self._rows(query, run_id=run_id, recipient_ids=recipient_ids)
        return {row[0]: RecipientRow(*row) for row in reversed(rows)}  # of equal ids the first counts, as in a run

    async def runs_with(self, recipient_id: str, run_ids: Sequence[str]) -> list[str]:
        """Return those of these runs in which this recipient stands; each costs a look into the index."""
        if not run_ids:
            return []
        each = [
            statement("in_run").format(run=sql.Placeholder(f"run_{n}"), recipients=view_name(self._views.recipients))
            for n in range(len(run_ids))
        ]
        runs = {f"run_{n}": run_id for n, run_id in enumerate(run_ids)}
        rows = await self._rows(sql.SQL(" UNION ALL ").join(each), recipient_id=recipient_id, **runs)
        return [str(run_id) for (run_id,) in rows]

    async def recipients_behind(self, run_id: str, recipient_id: str) -> int:
        """Count the rows of a run's recipients that are read after this one."""
        query = statement("recipients_behind").format(recipients=view_name(self._views.recipients))
        [(count,)] = await self._rows(query, run_id=run_id, recipient_id=recipient_id)
        return int(count)

    async def has_zones(self, run_id: str) -> bool:
        """Say whether some recipients of a run have a time zone of their own."""
        await self._check()
        if not self._has_zones:
            return False
        query = statement("has_zones").format(recipients=view_name(self._views.recipients))
        [(found,)] = await self._rows(query, run_id=run_id)
        return bool(found)

    async def survey(self, run_id: str) -> Survey:
        """Count the rows that a run has here."""
        query = statement("survey").format(recipients=view_name(self._views.recipients))
        [row] = await self._rows(query, run_id=run_id)
        return Survey(*row)

    async def implausible_moments(self, most: int) -> int:
        """Count who, of the first `most` recipients that the view gives, acted before 2015 or in the future."""
        query = statement("implausible").format(recipients=view_name(self._views.recipients))
        [(count,)] = await self._rows(query, most=most)
        return int(count)

    async def pages(self) -> list[PageRow]:
        """Return what the source says of its pages; nothing when it has no such view.

        A poll begins with this, so the views are compared again here: one that was made anew since then may have a
        column of a type that no query refuses, such as a moment without its time zone.
        """
        self._checked = False
        await self._check()
        if not self._has_pages or self._views.pages is None:
            return []
        query = statement("pages").format(
            pages=view_name(self._views.pages), name=sql.SQL("name::text" if self._has_names else "NULL::text")
        )
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
        """Compare the views with what they must offer: at every poll, and again after an error.

        Raises:
            QueryRefused: naming every view and column that is missing, and what to write.
        """
        if self._checked:
            return
        views: dict[ViewKind, str | None] = {
            "runs": self._views.runs,
            "recipients": self._views.recipients,
            "pages": self._views.pages,
        }
        problems: list[str] = []
        for kind, view in views.items():
            has = await self._columns(view) if view else {}
            if kind == "pages":
                self._has_pages = bool(has)
                self._has_names = NAME in has
            if kind == "recipients":
                self._has_zones = ZONE in has
            if kind == "runs":
                self._has_count = COUNT in has
            if has or kind != "pages":
                problems += unfit(kind, str(view), has)
        if problems and self.name == "submitted":
            raise QueryRefused(
                self._database.part, "it lacks tables or columns; bring it up to date with: newar migrate"
            )
        if problems:
            raise QueryRefused(self._database.part, "; ".join([*problems, "see schema/source/views.sql for samples"]))
        self._checked = True

    async def _columns(self, view: str) -> dict[str, str]:
        rows = await self._database.rows(statement("columns"), view=view_name(view).as_string(None))
        return dict(rows)


def view_name(view: str) -> sql.Identifier:
    """Return the name of a view, perhaps with its schema, as SQL."""
    return sql.Identifier(*view.split("."))
