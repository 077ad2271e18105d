"""What columns the views must have, and of which types: told all at once, before the first row is read. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

ViewKind = Literal["runs", "recipients", "pages"]

ZONE = "time_zone"
"""A column that the view of the recipients may have or not."""
COUNT = "recipients"
"""Likewise of the runs: how many rows the run has in the view of the recipients."""
NAME = "name"
"""Likewise of the pages: for people alone, so it may be of any type."""

_COLUMNS: Mapping[ViewKind, tuple[str, ...]] = {
    "runs": (
        *("run_id", "page_id", "page_access_token", "message", "messaging_type", "tag", "notification_type"),
        *("status", "scheduled_at", "expires_at", "send_window", "priority", "on_unknown", "updated_at"),
    ),
    "recipients": ("run_id", "recipient_id", "variables", "last_interaction_at"),
    "pages": ("page_id", "page_access_token", ZONE, "weight", "limit_text", "limit_media"),
}

_FLOAT = re.compile(r"real|double precision|numeric\(\d+,[1-9]\d*\)")
_NUMBER = re.compile(r"bigint|integer|smallint|real|double precision|numeric\b.*")
_MOMENT = re.compile(r"(timestamp|date|time|interval)\b.*")
_JSON = re.compile(r"jsonb?")
_NEITHER = re.compile(r".*\[\]|bytea|boolean|record")
"""What nothing here can be made from."""


def unfit(kind: ViewKind, view: str, has: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with a view and what to write; `has`: column -> its type, as Postgres writes it."""
    if not has:
        yield f"the view {view} does not exist here: create it, or name yours in SOURCE_{kind.upper()}_VIEW"
        return
    if missing := [column for column in _COLUMNS[kind] if column not in has]:
        yield (
            f"the view {view} lacks {', '.join(missing)}: add each to its SELECT, "
            f"with NULL::{_NOTHING.get(missing[0], 'text')} AS {missing[0]} where your tables have nothing like it"
        )
    for column in sorted({*_COLUMNS[kind], ZONE, COUNT} & has.keys()):
        if mend := _CHECKS[column](column, has[column]):
            yield f"{column} of the view {view} is {has[column]}{mend}"


def _unlike(found: str, *kinds: re.Pattern[str]) -> bool:
    return any(kind.fullmatch(found) for kind in kinds)


def _id(column: str, found: str) -> str | None:
    if _FLOAT.fullmatch(found):
        return (
            f", which rounds long ids or adds digits: write {column}::text of a column that is no such number; where "
            "your table itself has one, the last digits are lost, so import the ids again as text"
        )
    mend = f": write the id as text or as a whole number, such as psid::text AS {column}"
    return mend if _unlike(found, _MOMENT, _JSON, _NEITHER) else None


def _variables(column: str, found: str) -> str | None:
    if _JSON.fullmatch(found):
        return None
    if _unlike(found, _NUMBER, _MOMENT, _NEITHER):
        return f": write a JSON object, such as jsonb_build_object('first_name', first_name) AS {column}"
    return f": write {column}::jsonb, or NULL::jsonb where there are none"


def _message(_column: str, found: str) -> str | None:
    mend = ': write the Send API\'s message object as jsonb, such as {"text": "Hello"}'
    return mend if _unlike(found, _NUMBER, _MOMENT, _NEITHER) else None


def _text(column: str, found: str) -> str | None:
    unlike = _unlike(found, _NUMBER, _MOMENT, _JSON, _NEITHER)
    return f": write text, or NULL::text AS {column}" if unlike else None


def _number(column: str, found: str) -> str | None:
    return f": write a whole number, or NULL::int AS {column}" if _unlike(found, _MOMENT, _JSON, _NEITHER) else None


def _moment(column: str, found: str) -> str | None:
    """Say what to write for a moment of another type. One without a zone is not cast: that takes our zone."""
    if found.startswith("timestamp") and found.endswith("with time zone"):
        return None
    if found.startswith(("timestamp", "date")):
        day = "::timestamp" if found == "date" else ""
        return f", whose time zone nobody knows: write {column}{day} AT TIME ZONE 'UTC', or the zone it was written in"
    if _NUMBER.fullmatch(found):
        return (
            f": write to_timestamp({column} / 1000.0) where it counts milliseconds, to_timestamp({column}) for seconds"
        )
    return f": write {column}::timestamptz, or NULL::timestamptz"


_CHECKS: Mapping[str, Callable[[str, str], str | None]] = {
    **dict.fromkeys(("run_id", "page_id", "recipient_id"), _id),
    **dict.fromkeys(("priority", "weight", "limit_text", "limit_media", COUNT), _number),
    **dict.fromkeys(("scheduled_at", "expires_at", "updated_at", "last_interaction_at"), _moment),
    **dict.fromkeys(("page_access_token", "messaging_type", "tag", "notification_type", "status"), _text),
    **dict.fromkeys(("send_window", "on_unknown", ZONE), _text),
    "message": _message,
    "variables": _variables,
}
_NOTHING = {
    **{column: "timestamptz" for column, check in _CHECKS.items() if check is _moment},
    **{column: "int" for column, check in _CHECKS.items() if check is _number},
    "variables": "jsonb",
    "message": "jsonb",
}
