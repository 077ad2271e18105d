"""Which recipients will surely not be sent to, as far as is known when they are put into the queue. Pure.

They stand aside there, so that they cost the page none of its pace. What becomes true only later, the sender finds, by
the same checks: the log says the same of both. The form of what was filled in is looked at here alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from schema.job import Aside, Job, encode_record, job_id
from schema.outcomes import ErrorClass, Outcome
from schema.run import Run
from sender.message.errors import BadTemplate, NotSendable
from sender.message.form.message_form import MessageForm
from sender.message.limits import check_limits
from sender.message.recipient_ids import check_recipient
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables
from sender.message.window import Now, implausible, outside_window
from sender.runs.rules.check import moment_ms
from sender.runs.rules.records import RecipientRow, kept_variables

RECIPIENTS_GONE = "recipients-gone"
"""The rule of sender/rules/default.toml that brakes a run when most are gone: then it is rather the list than they."""


class Suppression(msgspec.Struct, frozen=True):
    """An entry of the log database that stands. Columns in the order of `suppressed.sql`."""

    recipient_id: str
    reason: Literal["recipient_gone", "denied"]
    since_s: float
    """Seconds since 1970 (UTC)."""
    run_id: str | None = None
    """The run that was told so, while it is not finished: it may have been braked since."""


class SortedOut(msgspec.Struct, frozen=True):
    """A page of recipients, sorted out."""

    rows: list[RecipientRow]
    """Those who may get the message, in the order of the page."""
    asides: list[bytes]
    """Records of the others."""


class NotSent:
    """The checks for one run.

    Args:
        run: whose recipients these are.
        now: the time; None: it is not known for sure, and nobody is left out by it.
        keep_window: whether the 24-hour window is kept.
        rules_off: rules of a message's form that do not count.
    """

    def __init__(self, run: Run, now: Now | None, *, keep_window: bool = True, rules_off: Collection[str] = ()) -> None:
        self._run = run
        self._now = now
        self._keep_window = keep_window
        self._template = _template(run)
        self._same_for_all = self._template is not None and self._template.constant
        form = MessageForm(run.message, rules_off)
        # one that was taken although it breaks rules as it stands is to be sent: by a former release, other settings
        self._form = None if form.problems else form

    def sort_out(
        self, rows: Sequence[RecipientRow], attempts: Mapping[str, int], entries: Mapping[str, list[Suppression]]
    ) -> SortedOut:
        """Return who may get the message, and records of who will surely not; rows of one recipient are neighbours.

        Args:
            rows: as the source has them.
            attempts: recipient id -> marks so far, of those that had any.
            entries: recipient id -> suppressions.
        """
        may: list[RecipientRow] = []
        asides: list[bytes] = []
        before = aside = None
        for row in rows:
            who, variables, last_s = row[:3]
            if who != before:
                before, aside = who, self.why_not(row, entries.get(who, ()))
                if aside is not None:
                    last_ms = None if last_s is None else moment_ms(last_s)
                    job = Job(who, kept_variables(variables), last_ms, attempts.get(who, 0), aside=aside)
                    asides.append(encode_record(job_id(self._run.run_id, who), job))
            if aside is None:
                may.append(row)
        return SortedOut(may, asides)

    def why_not(self, row: RecipientRow, entries: Sequence[Suppression]) -> Aside | None:
        """Return why this person will surely not be sent to, None when they may be."""
        recipient_id, variables, last_s = row[:3]
        last_ms = None if last_s is None else moment_ms(last_s)
        written_ms = None if last_ms is not None and self._now and implausible(last_ms, self._now) else last_ms
        refusal = _suppressed(entries, written_ms) or self._outside_window(last_ms)
        try:
            if refusal is None:
                check_recipient(recipient_id)
                self._check_message(variables)
        except NotSendable as exc:
            refusal = exc
        return None if refusal is None else Aside(refusal.outcome, refusal.error_class, refusal.reason)

    def _outside_window(self, last_ms: int | None) -> NotSendable | None:
        if self._now is None or not self._keep_window:
            return None
        return outside_window(self._run.messaging_type, last_ms, self._now)

    def _check_message(self, variables: str | None) -> None:
        if self._template is not None:
            filled = self._template.fill(None if self._same_for_all else read_variables(variables))
            check_limits(filled)
            if self._form is not None and (reason := self._form.filled_in_badly(filled)):
                raise NotSendable(ErrorClass.BAD_PAYLOAD, Outcome.FAILED, reason)


def agreed(redis_ms: int, wall_ms: int, tolerance_ms: int) -> Now | None:
    """Return the time as both clocks have it; None when they disagree, and nobody may be left out by them."""
    return Now(*sorted((redis_ms, wall_ms))) if abs(redis_ms - wall_ms) <= tolerance_ms else None


def _template(run: Run) -> MessageTemplate | None:
    try:
        return MessageTemplate(run.message)
    except BadTemplate:
        return None  # the sender says what is wrong with it


def _suppressed(entries: Sequence[Suppression], last_ms: int | None) -> NotSendable | None:
    for entry in entries:
        if entry.reason == "denied":
            return NotSendable(ErrorClass.RECIPIENT_DENIED, Outcome.SUPPRESSED, "on the page's deny list")
    for entry in entries:
        if last_ms is None or last_ms <= moment_ms(entry.since_s):
            since = datetime.fromtimestamp(entry.since_s, UTC).isoformat(timespec="seconds")
            reason = f"Meta said on {since} that this person cannot be reached, who has not written since"
            return NotSendable(ErrorClass.RECIPIENT_GONE, Outcome.SUPPRESSED, reason)
    return None
