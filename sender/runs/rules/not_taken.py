"""Why a run that its source asks to send is not taken, now or ever. Pure."""

from __future__ import annotations

from typing import Literal

import msgspec

from sender.message.recipient_ids import SURE_ZEROS, counted_through
from sender.runs.rules.rows import Head, Survey

Kind = Literal["waiting", "spent", "word"]

_CLOCKS_DIFFER_S = 5.0
_WORDS = ("queued", "paused", "cancelled")


class NotTaken(msgspec.Struct, frozen=True):
    """A run of the source that was not taken. Columns in the order of `not_taken.sql`."""

    run_id: str
    page_id: str
    kind: Kind
    """`waiting`: for its recipients. `spent`: its id was used before. `word`: its status is no word that counts."""
    reason: str


class Scheduled(msgspec.Struct, frozen=True, order=True):
    """A run of the source that is due later. The next one is the smallest."""

    at_s: float
    """Seconds since 1970 (UTC); may be infinite."""
    run_id: str
    page_id: str


def scheduled(head: Head) -> Scheduled:
    """Return how a run is shown that is not taken yet: by when it is due, or when it was written."""
    return Scheduled(head.scheduled_at_s or head.updated_at_s or 0.0, head.run_id, head.page_id or "")


def unseen(expected: int | None, seen: int) -> str | None:
    """Say why a run with so many rows is not to begin: what cannot be seen yet is no evidence that nobody is there.

    `expected`: how many its source says there are; None: it does not say.
    """
    if expected is None:
        return None if seen else "no recipients can be seen: are they written already, may this login see them?"
    if seen >= expected:
        return None
    return f"the source says {expected} recipients, {seen} can be seen: are all written, may this login see them?"


def unusable(survey: Survey) -> str | None:
    """Say that no row names anybody, or that ids have been through a spreadsheet: they would be other people's."""
    if survey.rows and survey.without_id == survey.rows:
        return f"none of its {survey.rows} rows has a usable recipient_id: it is missing, empty or over 500 characters"
    all_are = survey.long_ids and survey.rounded_ids == survey.long_ids
    if not all_are or survey.digits_beyond < SURE_ZEROS:
        return None
    if counted_through(int(survey.lowest), int(survey.highest), survey.long_ids):
        return None
    return (
        f"all {survey.long_ids} recipient ids of more than 15 digits end in zeros, as a spreadsheet rounds them: the "
        "people they were cannot be told any more, so import the ids again as text"
    )


def spent(head: Head, ended_at_s: float | None) -> NotTaken | None:
    """Say of a finished run that it was changed since, as if to be sent again."""
    if ended_at_s is None or head.updated_at_s is None or head.updated_at_s <= ended_at_s + _CLOCKS_DIFFER_S:
        return None
    reason = (
        "it is queued and was changed after it had finished: no id is sent twice. Give it a new run_id, or reach whom "
        "it missed with: newar run retry"
    )
    return NotTaken(head.run_id, head.page_id or "", "spent", reason)


def unknown_word(run_id: str, page_id: str, status: str) -> NotTaken:
    """Say of a run that its status means nothing here, though it looks like a word that does."""
    stop = "; until then it is held, if it is being sent" if asks_to_stop(status) else ""
    reason = f"its status {status[:40]!r} is no word that counts: write {_meant(status)}{stop}"
    return NotTaken(run_id, page_id, "word", reason)


def asks_to_stop(status: str) -> bool:
    """Say whether a status that is no word that counts looks like one that stops a run."""
    return _meant(status) != "queued"


def _meant(status: str) -> str:
    return next((word for word in _WORDS if word[0] == status.strip().lower()[:1]), _WORDS[0])
