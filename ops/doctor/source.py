"""The source database: its views, their columns, and the index without which reading recipients is slow."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from ops.doctor.finding import Finding, judged
from ops.doctor.row_security import check_row_security
from schema.runtime.outage import Outage
from schema.runtime.settings import SourceDatabaseSettings
from sender.runs.databases.database import Database, statement
from sender.runs.databases.errors import QueryRefused
from sender.runs.databases.source_views import Source, Views, view_name

PART = "source database"


async def check_source(settings: SourceDatabaseSettings) -> list[Finding]:
    """Read a little of it, as the run processor would. Errors: DatabaseAway."""
    if settings.source_database_url is None:
        text = "SOURCE_DATABASE_URL is not set: only submitted runs are sent"
        return [Finding(PART, "ok", text)]
    async with Database(settings.source_database_url, Outage(PART), read_only=True) as database:
        source = Source("source", database, Views.of(settings))
        try:
            pages = await source.pages()
            heads = await source.heads("", 1)
            run_id = heads[0].run_id if heads else ""
            sorts = await _sorts(database, settings.source_recipients_view, run_id)
            implausible = await source.implausible_moments(_SAMPLE)
            hidden = await _hidden(database, settings)
        except QueryRefused as exc:
            return [Finding(PART, "fail", str(exc))]
    readable = Finding(PART, "ok", f"its views can be read; {len(pages)} pages")
    return [readable, *hidden, _index(sorts), _moments(implausible)]


async def _hidden(database: Database, settings: SourceDatabaseSettings) -> list[Finding]:
    return [
        *await check_row_security(database, settings.source_runs_view, filtered=True),
        *await check_row_security(database, settings.source_recipients_view, filtered=False),
        *await check_row_security(database, settings.source_pages_view, filtered=False),
    ]


_SAMPLE = 10_000


def _moments(implausible: int) -> Finding:
    return judged(
        PART,
        implausible == 0,
        "last_interaction_at holds moments that can be true",
        otherwise=f"{implausible} of the first {_SAMPLE} acted in the future or before 2015: they will be suppressed",
        mend="look for another time zone, or for seconds taken for milliseconds, in the view's last_interaction_at",
        status="warn",
    )


def _index(sorts: bool) -> Finding:
    return judged(
        PART,
        not sorts,
        "an index gives a run's recipients in their order",
        otherwise=f"no index gives a run's recipients in order: each {_CHUNK} of them cost a search of all",
        mend="apply schema/source/index.sql, with your table's names",
        status="warn",
    )


_CHUNK = 5000


async def _sorts(database: Database, view: str, run_id: str) -> bool:
    """Say whether Postgres would have to sort for the next recipients, though sorting was made dear to it."""
    recipients = statement("recipients").format(recipients=view_name(view), time_zone=sql.SQL("NULL"))
    query = sql.SQL("EXPLAIN (FORMAT JSON) ") + recipients
    [(plan,)] = await database.rows(query, run_id=run_id, cursor="", limit=_CHUNK)
    return any(sorting(top["Plan"]) for top in plan)


def sorting(plan: dict[str, Any]) -> bool:
    """Say whether a node of this plan sorts. Pure."""
    return plan["Node Type"] in ("Sort", "Incremental Sort") or any(map(sorting, plan.get("Plans", ())))
