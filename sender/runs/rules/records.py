"""Turning a page of recipients into job records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schema.job import Job, encode_record, job_id
from sender.message.errors import BadVariables
from sender.message.variables import read_variables
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
                kept_variables(variables),
                None if last_interaction_s is None else moment_ms(last_interaction_s),
                marks.get(recipient_id, 0),
                time_zone=time_zone,
            )
            found.append(encode_record(job_id(run_id, recipient_id), job))
        before = recipient_id
    return found


def kept_variables(text: str | None) -> dict[str, Any] | None:
    """Read a recipient's variables as a record holds them; None when there are none, or where they are of no use.

    Whether somebody may go without is not decided here (surely_not_sent.py): a message may have no placeholder.
    """
    try:
        return read_variables(text)
    except BadVariables:
        return None
