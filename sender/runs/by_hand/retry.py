"""Storing a run for those whom another run did not reach: a selection, whatever its size. Asyncio code."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec
from psycopg import AsyncConnection

from schema.outcomes import ErrorClass, Outcome
from schema.run import RunState
from sender.runs.by_hand.errors import RunUnusable
from sender.runs.databases.database import statement
from sender.runs.rules.rows import SourceRun
from sender.sealed_tokens import TokenBox

WORTH_RETRYING = (
    ErrorClass.TRANSIENT,
    ErrorClass.RATE_LIMIT_PAGE,
    ErrorClass.RATE_LIMIT_APP,
    ErrorClass.AUTH_PAGE,
    ErrorClass.AUTH_APP,
    ErrorClass.NO_TOKEN,
)
"""Failures that the same message to the same person may not meet again."""

_statement = partial(statement, room="by_hand")
_Connection = AsyncConnection[tuple[Any, ...]]
_CLOCKS_DIFFER = timedelta(days=1)
_NOT_REACHED = (Outcome.FAILED, Outcome.SUPPRESSED, Outcome.EXPIRED, Outcome.CANCELLED)


class Retry(msgspec.Struct, frozen=True):
    """What was stored."""

    run_id: str
    parent_run_id: str
    recipients: int
    """At most: whom another retry has reached since is left out."""
    classes: list[str]
    rows_missing: int
    """Recipients of the parent whose outcome the log does not have (any more): they are not chosen."""


class Relative(msgspec.Struct, frozen=True):
    """A run of the family. Columns in the order of `retry_family.sql`."""

    run_id: str
    parent_run_id: str | None
    """Whose recipients it chooses from; None: the root."""
    state: str | None
    """None: submitted and not taken."""
    recipients: int
    source: str | None
    taken_at: datetime
    status: str

    @property
    def ended(self) -> bool:
        """Whether nothing of it can be sent any more."""
        return self.state in (RunState.FINISHED, RunState.REFUSED) or (
            self.state is None and self.status == "cancelled"
        )


async def retry(
    url: str, parent_run_id: str, run_id: str, classes: Collection[ErrorClass], origin: SourceRun | None, box: TokenBox
) -> Retry:
    """Store a run with the parent's message for those of its recipients who ended with one of these classes.

    Nobody is copied: the run processor chooses page by page. Whom any run of the family has sent to is never chosen;
    who is `unknown`, only with the class `ambiguous`.

    Args:
        url: the log database, migrated.
        parent_run_id: a finished run, perhaps a retry itself.
        run_id: the new run's id.
        classes: none: `failed` with one of WORTH_RETRYING; else whoever was not reached for one of these reasons.
        origin: the parent as its source describes it now, for its token and window; None: it is not there.
        box: seals the token.

    Raises:
        RunUnusable: nothing was stored; says why.
        psycopg.Error: the database cannot be reached or refuses.
    """
    chosen = sorted(classes or WORTH_RETRYING)
    outcomes = [Outcome.FAILED, *(_NOT_REACHED[1:] if classes else ())]
    if ErrorClass.AMBIGUOUS in chosen:
        outcomes.append(Outcome.UNKNOWN)
    async with await AsyncConnection.connect(url, prepare_threshold=None) as connection:
        await connection.execute(_statement("retry_lock"))
        family = await _family(connection, parent_run_id)
        since = min(one.taken_at for one in family.values()) - _CLOCKS_DIFFER
        await _refuse_unclear(connection, parent_run_id, family, since)
        selection: dict[str, Any] = {
            "classes": [str(c) for c in chosen],
            "outcomes": [str(o) for o in outcomes],
            "since": since,
        }
        answer = await connection.execute(_statement("retry_count"), {"run_id": parent_run_id, **selection})
        found, logged = await answer.fetchone() or (0, 0)
        if not found:
            raise RunUnusable(f"run {parent_run_id}: nobody ended as {' or '.join(outcomes)} with {', '.join(chosen)}")
        await _store(connection, run_id, family, parent_run_id, selection, _token_and_window(origin, box))
    missing = max(0, family[parent_run_id].recipients - logged)
    return Retry(run_id, parent_run_id, found, selection["classes"], missing)


def ancestors(run_id: str, family: dict[str, Relative]) -> set[str]:
    """Return the runs that this one descends from, itself among them. Pure."""
    found: set[str] = set()
    at: str | None = run_id
    while at is not None:
        found.add(at)
        at = family[at].parent_run_id
    return found


async def _family(connection: _Connection, run_id: str) -> dict[str, Relative]:
    answer = await connection.execute(_statement("retry_family"), {"run_id": run_id})
    return {row[0]: Relative(*row) for row in await answer.fetchall()}


async def _refuse_unclear(
    connection: _Connection, parent_run_id: str, family: dict[str, Relative], since: datetime
) -> None:
    """See that it is known of everybody in the family what became of him."""
    parent = family[parent_run_id]
    if parent.state is None and not parent.status:
        raise RunUnusable(f"no run has the id {parent_run_id}: newar run list shows those taken")
    if parent.state != RunState.FINISHED:
        raise RunUnusable(f"run {parent_run_id} is not finished but {parent.state or 'not taken yet'}: retry it then")
    if unfinished := [one.run_id for one in family.values() if not one.ended]:
        raise RunUnusable(
            f"{', '.join(unfinished)} of the same recipients is not finished yet: wait, or cancel it, and try again"
        )
    others = sorted(family.keys() - ancestors(parent_run_id, family))
    answer = await connection.execute(_statement("retry_logged"), {"run_ids": others, "since": since})
    logged: dict[str, int] = dict(await answer.fetchall())
    for run_id in others:
        if logged.get(run_id, 0) < family[run_id].recipients:
            raise RunUnusable(
                f"the log has {logged.get(run_id, 0)} of the {family[run_id].recipients} outcomes of {run_id}, an "
                "earlier retry, so it cannot be said whom that has reached: wait for the ingest. When its rows are "
                f"older than LOG_RETENTION_DAYS, retry {run_id} itself or submit a new run"
            )


def _token_and_window(origin: SourceRun | None, box: TokenBox) -> dict[str, str | None]:
    token = (origin.page_access_token if origin else None) or None
    return {"token": box.sealed(token), "send_window": origin.send_window if origin else None}


async def _store(
    connection: _Connection,
    run_id: str,
    family: dict[str, Relative],
    parent_run_id: str,
    selection: dict[str, Any],
    look: dict[str, str | None],
) -> None:
    [root] = [one for one in family.values() if one.parent_run_id is None]
    await connection.execute(_statement("retry_run"), {"run_id": run_id, "parent": parent_run_id, **look})
    values = {"root": root.run_id, "root_source": root.source, "family": sorted(family), **selection}
    await connection.execute(_statement("retry_selection"), {"run_id": run_id, "parent": parent_run_id, **values})
