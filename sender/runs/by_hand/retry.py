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
from schema.text import Text
from sender.runs.by_hand.described import described_run
from sender.runs.by_hand.errors import RunUnusable, UnknownRun
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

MENDED = (
    *WORTH_RETRYING,
    ErrorClass.BAD_PAYLOAD,
    ErrorClass.MISSING_VARIABLE,
    ErrorClass.TEXT_TOO_LONG,
    ErrorClass.RUN_CANCELLED,
    ErrorClass.RUN_EXPIRED,
)
"""Reasons that another message to the same person may not meet again: besides those that pass, what was wrong with the
message itself, and the end of a run that had stood still for it. Not what is known of the person (gone, denied, outside
the window, an id that is none) or of the page (`policy_page`): no message changes that."""

_statement = partial(statement, room="by_hand")
_Connection = AsyncConnection[tuple[Any, ...]]
_CLOCKS_DIFFER = timedelta(days=1)
_NOT_REACHED = (Outcome.FAILED, Outcome.SUPPRESSED, Outcome.EXPIRED, Outcome.CANCELLED)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asks for."""

    parent_run_id: str
    """A finished run, perhaps a retry itself."""
    run_id: str
    """The new run's id."""
    classes: Collection[ErrorClass] = ()
    """Whoever was not reached for one of these reasons, whatever the outcome. None: WORTH_RETRYING; MENDED with another
    message."""
    message: dict[str, Any] | None = None
    """None: the parent's."""
    who: str
    """Who asks, for the audit trail."""
    rules_off: Collection[str] = ()
    """Rules of a message's form that do not count."""
    preview: bool = False
    """Store nothing: it is asked who would be chosen."""

    @property
    def chosen(self) -> list[ErrorClass]:
        """The reasons for which somebody is chosen."""
        return sorted(set(self.classes) or (MENDED if self.message is not None else WORTH_RETRYING))

    @property
    def outcomes(self) -> list[Outcome]:
        """Only who ended so is chosen; `sent` is never among them."""
        if not self.classes:
            return [Outcome.FAILED] if self.message is None else [Outcome.FAILED, Outcome.EXPIRED, Outcome.CANCELLED]
        return [*_NOT_REACHED, *([Outcome.UNKNOWN] if ErrorClass.AMBIGUOUS in self.classes else [])]


class End(msgspec.Struct, frozen=True):
    """How some recipients of a run ended. Columns in the order of `retry_ends.sql`."""

    outcome: str
    error_class: str
    """`""`: none, as of those who were sent to."""
    reached: bool
    """Whether another run of the family has sent to them since, or may have."""
    recipients: int
    last: str
    """The last of them in key order; `""`: not asked for."""


class Retry(msgspec.Struct, frozen=True):
    """What was stored; of a preview, what would be."""

    run_id: str
    parent_run_id: str
    recipients: int
    """At most: who no longer stands among the parent's recipients is left out."""
    classes: list[str]
    rows_missing: int
    """Recipients of the parent whose outcome the log does not have (any more): they are not chosen."""
    chosen: list[End]
    others: list[End]
    """The parent's recipients who are not chosen."""
    source: str | None
    """Where the recipients stand."""
    never_queued: int | None = None
    """Rows of the parent's recipients that had not been put into the queue when it was cancelled: they are not chosen.
    Not looked for here; None: nobody has."""

    @property
    def of_cancelled(self) -> bool:
        """Whether some are chosen because the parent was cancelled."""
        return any(end.outcome == Outcome.CANCELLED for end in self.chosen)

    @property
    def last_queued(self) -> str:
        """The last of the parent's recipients that was put into the queue, as far as the log knows."""
        return max(end.last for end in (*self.chosen, *self.others))


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


async def retry(url: str, wish: Wish, origin: SourceRun | None, box: TokenBox) -> Retry:
    """Store a run for those of a run's recipients who ended as is wished, with its message or another one.

    Nobody is copied: the run processor chooses page by page. Whom any run of the family has sent to is never chosen;
    who is `unknown`, only with the class `ambiguous`.

    Args:
        url: the log database, migrated.
        wish: for whom, and what.
        origin: the parent as its source describes it now, for its token and window; None: it is not there.
        box: seals the token.

    Raises:
        RunMisdescribed: the run would be refused, with this message.
        RunUnusable: it cannot be retried, or nobody is chosen; says why.
        psycopg.Error: the database cannot be reached or refuses.
    """
    parent = wish.parent_run_id
    async with await AsyncConnection.connect(url, prepare_threshold=None) as connection:
        await connection.execute(_statement("retry_lock"))
        family = await _family(connection, parent)
        since = min(one.taken_at for one in family.values()) - _CLOCKS_DIFFER
        await _refuse_unclear(connection, parent, family)
        child = await _child(connection, wish, origin, box)
        of = {"run_id": parent, "family": sorted(family), "outcomes": [str(o) for o in wish.outcomes], "since": since}
        chosen, others = split(await _ends(connection, of), wish)
        found = sum(end.recipients for end in chosen)
        if not found and not wish.preview:
            since_then = Text(", whom no retry has reached since") if any(end.reached for end in others) else ""
            raise RunUnusable(
                "run %(run)s: nobody ended as %(outcomes)s with %(classes)s%(since_then)s",
                run=parent,
                outcomes=" or ".join(wish.outcomes),
                classes=", ".join(wish.chosen),
                since_then=since_then,
            )
        if not wish.preview:
            await _store(connection, child, wish, family, since)
            await connection.execute(_statement("retry_audit"), _told(wish, chosen))
    missing = max(0, family[parent].recipients - found - sum(end.recipients for end in others))
    classes, source = [str(c) for c in wish.chosen], family[parent].source
    return Retry(wish.run_id, parent, found, classes, missing, chosen, others, source)


def split(ends: list[End], wish: Wish) -> tuple[list[End], list[End]]:
    """Return the ends that are chosen, and the others. Pure."""
    chosen = [e for e in ends if e.outcome in wish.outcomes and e.error_class in wish.chosen and not e.reached]
    return chosen, [e for e in ends if e not in chosen]


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


async def _refuse_unclear(connection: _Connection, parent_run_id: str, family: dict[str, Relative]) -> None:
    """See that it is known of everybody in the family what became of him."""
    parent = family[parent_run_id]
    if parent.state is None and not parent.status:
        raise UnknownRun("no run has the id %(run)s: newar run list shows those taken", run=parent_run_id)
    if parent.state != RunState.FINISHED:
        raise RunUnusable(
            "run %(run)s is not finished but %(state)s: wait, or cancel it, and retry it then",
            run=parent_run_id,
            state=str(parent.state) if parent.state else Text("not taken yet"),
        )
    if unfinished := [one.run_id for one in family.values() if not one.ended]:
        raise RunUnusable(
            "%(runs)s of the same recipients is not finished yet: wait, or cancel it, and try again",
            runs=", ".join(unfinished),
        )
    others = sorted(family.keys() - ancestors(parent_run_id, family))
    answer = await connection.execute(_statement("retry_logged"), {"run_ids": others})
    logged = {run_id: (ended, whole) for run_id, ended, whole in await answer.fetchall()}
    for run_id in others:
        ended, whole = logged.get(run_id, (0, True))
        unclear = Text("%(run)s, an earlier retry, so it cannot be said whom that has reached", run=run_id)
        other_way = Text("retry %(run)s itself or submit a new run", run=run_id)
        if ended < (count := family[run_id].recipients):
            raise RunUnusable(
                "the log has %(n)s of the %(all)s outcomes of %(unclear)s: wait for the ingest. When its rows are "
                "older than LOG_RETENTION_DAYS, %(other_way)s",
                **{"n": ended, "all": count, "unclear": unclear, "other_way": other_way},
            )
        if not whole:
            raise RunUnusable(
                "the log has no more the rows of %(unclear)s: %(other_way)s", unclear=unclear, other_way=other_way
            )


async def _ends(connection: _Connection, of: dict[str, Any]) -> list[End]:
    """Return how the parent's recipients ended.

    Without relatives its figures say so, if its rows are all there: else they count people who cannot be chosen. Of a
    run that was cancelled, the last recipient is asked for too, and they do not know persons.
    """
    if of["family"] == [of["run_id"]]:
        answer = await connection.execute(_statement("retry_figures"), of)
        rows = await answer.fetchall()
        if all(whole for *_, whole in rows) and not any(outcome == Outcome.CANCELLED for outcome, *_ in rows):
            return [End(outcome, error_class, False, messages, "") for outcome, error_class, messages, _ in rows]
    answer = await connection.execute(_statement("retry_ends"), of)
    return [End(*row) for row in await answer.fetchall()]


async def _child(connection: _Connection, wish: Wish, origin: SourceRun | None, box: TokenBox) -> SourceRun:
    """Describe the new run, as its processor will read it; refuse at once what that would refuse."""
    look = {
        "run_id": wish.run_id,
        "parent": wish.parent_run_id,
        "token": box.sealed((origin.page_access_token if origin else None) or None),
        "send_window": origin.send_window if origin else None,
        "message": None if wish.message is None else msgspec.json.encode(wish.message).decode(),
    }
    answer = await connection.execute(_statement("retry_child"), look)
    [row] = await answer.fetchall()
    child = SourceRun(*row)
    described_run(child, wish.rules_off)
    return child


async def _store(
    connection: _Connection, child: SourceRun, wish: Wish, family: dict[str, Relative], since: datetime
) -> None:
    [root] = [one for one in family.values() if one.parent_run_id is None]
    row = {**msgspec.structs.asdict(child), "scheduled_at": None, "expires_at": None}
    await connection.execute(_statement("submit_run"), row)
    selection = {
        "run_id": child.run_id,
        "parent": child.parent_run_id,
        "root": root.run_id,
        "root_source": root.source,
        "family": sorted(family),
        "classes": [str(c) for c in wish.chosen],
        "outcomes": [str(o) for o in wish.outcomes],
        "since": since,
    }
    await connection.execute(_statement("retry_selection"), selection)


def _told(wish: Wish, chosen: list[End]) -> dict[str, str]:
    what = "the same message" if wish.message is None else "another message"
    whom = ", ".join(f"{end.recipients} {end.error_class}" for end in chosen)
    detail = f"{what} to those of {wish.parent_run_id}: {whom}"
    return {"who": wish.who, "run_id": wish.run_id, "detail": detail}
