"""Going through a run's recipients one by one, by the same checks as when they are put into the queue. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from schema.job import Aside
from schema.run import Run
from sender.message.errors import BadVariables, NotSendable
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables
from sender.message.window import Now
from sender.runs.dry_run.names import Names, strings
from sender.runs.dry_run.report import DryRun, LeftOut, Sample
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.surely_not_sent import NotSent, Suppression

SAMPLES = 3
_TELLS_APART = 1_000_000
"""So many different people are kept to count duplicates."""


class _Counted(msgspec.Struct):
    recipients: int = 0
    examples: list[dict[str, str]] = []


class Examination:
    """What would become of each recipient of a run.

    Args:
        run: checked already.
        now: the moment for which it is asked; None: it is not known, and nobody is outside a window for sure.
        keep_window: whether the 24-hour window is kept.
        rules_off: rules of a message's form that do not count.
    """

    def __init__(self, run: Run, now: Now | None, *, keep_window: bool, rules_off: Collection[str] = ()) -> None:
        self._run = run
        self._template = MessageTemplate(run.message)
        self._checks = NotSent(run, now, keep_window=keep_window, rules_off=rules_off)
        self.names = Names(self._template.names, strings(run.message))
        self._rows = self._would_get = 0
        self._seen: set[str] = set()
        self._twice: int | None = 0
        self._left_out: dict[tuple[str, str], _Counted] = {}
        self._samples: list[Sample] = []

    def add(self, rows: Sequence[RecipientRow], entries: Mapping[str, list[Suppression]]) -> None:
        """Go through some of them; `entries`: recipient id -> suppressions that stand."""
        for row in rows:
            self._rows += 1
            if self._was_there(row.recipient_id):
                continue
            self._note_names(row)
            aside = self._checks.why_not(row, entries.get(row.recipient_id, ()))
            if aside is None:
                self._take(row)
            else:
                self._leave_out(row.recipient_id, aside)

    def report(self) -> DryRun:
        """Return what was found."""
        return DryRun(
            page_id=self._run.page_id,
            stops=list(dict.fromkeys(self._stops())),
            notes=[],
            recipients=self._rows,
            would_get=self._would_get,
            duplicates=self._twice,
            left_out=[
                LeftOut(outcome, error_class, one.recipients, one.examples)
                for (outcome, error_class), one in sorted(
                    self._left_out.items(), key=lambda item: item[1].recipients, reverse=True
                )
            ],
            missing_names=self.names.missing(),
            unused_names=self.names.unused(),
            samples=self._samples,
        )

    def _stops(self) -> Iterator[str]:
        if self._rows and not self._would_get:
            most = max(self._left_out.values(), key=lambda one: one.recipients)
            yield f"nobody would get it, such as {most.examples[0]['recipient_id']}: {most.examples[0]['reason']}"
        if self._rows:
            yield from self.names.stops()

    def _was_there(self, recipient_id: str) -> bool:
        if recipient_id in self._seen:
            self._twice = None if self._twice is None else self._twice + 1
            return True
        if len(self._seen) < _TELLS_APART:
            self._seen.add(recipient_id)
        else:
            self._twice = None
        return False

    def _note_names(self, row: RecipientRow) -> None:
        try:
            self.names.add(read_variables(row.variables))
        except BadVariables:
            self.names.add(None)

    def _take(self, row: RecipientRow) -> None:
        self._would_get += 1
        if len(self._samples) < SAMPLES:
            try:
                variables = None if self._template.constant else read_variables(row.variables)
                self._samples.append(Sample(row.recipient_id, self._template.fill(variables)))
            except NotSendable:  # which `why_not` would have found
                return

    def _leave_out(self, recipient_id: str, aside: Aside) -> None:
        counted = self._left_out.setdefault((aside.outcome, aside.error_class), _Counted())
        counted.recipients += 1
        if len(counted.examples) < SAMPLES:
            counted.examples.append({"recipient_id": recipient_id, "reason": aside.reason})
