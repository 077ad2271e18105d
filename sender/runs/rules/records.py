"""Turning a page of recipients into job records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from schema.job import Job, encode_record, job_id
from sender.runs.rules.check import moment_ms


class RecipientRow(NamedTuple):
    """A recipient as the view names it. Columns in the order of `recipients.sql`."""

    recipient_id: str
    variables: str | None = None
    """JSON text."""
    last_interaction_s: float | None = None
    """Seconds since 1970."""
    time_zone: str | None = None
    """The recipient's own, where it was asked for."""


def records(run_id: str, rows: list[RecipientRow], attempts: Mapping[str, int] | None = None) -> list[bytes]:
    """Encode rows in key order; a recipient that stands several times in a row becomes one job.

    `attempts`: recipient id -> marks so far, of those that had any.
    """
    marks = attempts or {}
    found: list[bytes] = []
    before: str | None = None
    for recipient_id, variables, last_interaction_s, time_zone in rows:
        if recipient_id != before:
            job = Job(
                recipient_id,
                variables_of(variables),
                None if last_interaction_s is None else moment_ms(last_interaction_s),
                marks.get(recipient_id, 0),
                time_zone=time_zone,
            )
            found.append(encode_record(job_id(run_id, recipient_id), job))
        before = recipient_id
    return found


def variables_of(text: str | None) -> dict[str, Any] | None:
    """Read a recipient's variables as a record holds them; None when there are none or they are no JSON object.

    Such a recipient is kept: it ends as `failed` (missing variable) where the message has no fallback.
    """
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError):
        return None
    return {name: _holdable(value) for name, value in found.items()}


def _holdable(value: Any) -> Any:
    """Empty a list or an object, which fills no placeholder and may be nested deeper than a sender can read.

    Whole numbers beyond 64 bits become text: MessagePack cannot hold them, and a message shows them the same.
    """
    if isinstance(value, dict | list):
        return type(value)()
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value
