"""People whom runs leave out, as the log database has them: a page of the list, and the place where it goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from psycopg.rows import DictRow

from ops.board import list_places
from ops.board.answers import Answer

FILTERS = ("page", "person", "reason", "after")
MOST = 1000

SuppressionReason = Literal["recipient_gone", "denied"]
"""Meta said that the person cannot be reached; somebody put them on the page's deny list."""
_REASONS = get_args(SuppressionReason)


class _Place(NamedTuple):
    """Behind whom a list goes on."""

    page_id: str
    recipient_id: str
    reason: str


class Suppression(Answer):
    """A person whom a page's runs leave out."""

    page_id: str
    recipient_id: str
    reason: SuppressionReason
    since: datetime
    run_id: str | None
    """`recipient_gone`: the run that was told so."""
    by_whom: str
    note: str | None
    confirmed: bool
    """False: that run was braked because most of it are gone; this counts when a person resumes it."""


class SuppressionsAnswer(Answer):
    """`/api/v1/suppressions`: by page and person; `next`, given as `after`, brings the following ones."""

    suppressions: list[Suppression]
    next: str | None


class BadFilter(Exception):
    """A filter cannot be used; the text says what to write."""


def params(
    filters: Mapping[str, str | None], limit: int | None, pages: Collection[str] | None = None
) -> dict[str, Any]:
    """Return what `suppressions.sql` asks for; `limit` None: all of them; `pages` None: of any.

    Raises:
        BadFilter: naming all that cannot be used.
    """
    problems = [f"{name} holds a NUL character" for name, text in filters.items() if text and "\0" in text]
    if filters.get("reason") not in (None, *_REASONS):
        problems.append(f"reason must be one of {', '.join(_REASONS)}")
    page, person, reason = "", "", ""
    if after := filters.get("after"):
        try:
            page, person, reason = list_places.read(after, _Place)
        except ValueError:
            problems.append("after must be the `next` of a former answer")
    if problems:
        raise BadFilter("; ".join(problems))
    wanted = {name: filters.get(name) for name in FILTERS if name != "after"}
    behind = {"after_page": page, "after_person": person, "after_reason": reason}
    return {**wanted, **behind, "limit": limit, "pages": None if pages is None else sorted(pages)}


def answer(rows: list[DictRow], limit: int) -> SuppressionsAnswer:
    """Return a page of the list."""
    found = [Suppression(**row) for row in rows]
    return SuppressionsAnswer(suppressions=found, next=_after(found[-1]) if len(found) == limit else None)


def _after(last: Suppression) -> str:
    return list_places.written(_Place(last.page_id, last.recipient_id, last.reason))
