"""What sending again to those who were missed needs: read from where the run's recipients stand, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ops.shell.said import explain
from sender.runs.by_hand.files.failures_file import LONGEST_CELL, Person, person
from sender.runs.databases.errors import DatabaseAway, QueryRefused
from sender.runs.databases.source_views import Source
from sender.runs.rules.records import RecipientRow

_TRIES = 2
"""A connection that was cut while a pipe was full is opened again."""


class MissedPeople:
    """Asks the source, and counts for whom it has no answer. Methods are Trio coroutines.

    Args:
        source: where the recipients stand; None: that is not known here.
        run_id: the run that names them.
        since: retries that may have reached some of them since.
    """

    def __init__(self, source: Source | None, run_id: str, since: Sequence[str] = ()) -> None:
        self._source = source
        self._run_id = run_id
        self._since = since
        self._missing = 0
        self._unreadable = 0
        self._may_have_it = 0
        self._nobody = 0
        self.unread = 0
        """Rows whose people could not be asked for."""
        self.problem = "SOURCE_DATABASE_URL is not set here" if source is None else ""
        """Why."""

    async def of(self, rows: list[dict[str, Any]]) -> list[Person]:
        """Return what is known of the people of these rows of the log, in their order."""
        self._may_have_it += sum(row["outcome"] == "unknown" for row in rows)
        self._nobody += sum(not row["recipient_id"] for row in rows)
        found = await self._read([row["recipient_id"] for row in rows])
        if found is None:
            self.unread += len(rows)
            return [Person()] * len(rows)
        return [self._person(row["recipient_id"], found) for row in rows]

    def unsaid(self) -> Iterator[str]:
        """Yield what a person must be told of the rows so far, a line each."""
        if self.unread:
            yield (
                f"{self.unread} rows have no last_interaction_at and no variables, so that a run of this file reaches "
                f"nearly nobody: {self.problem}"
            )
        if self._missing:
            yield (
                f"{self._missing} rows have no last_interaction_at and no variables: the recipients of run "
                f"{self._run_id} no longer hold these people"
            )
        if self._unreadable:
            yield (
                f"{self._unreadable} rows have no variables: those in the source are no JSON object, or longer than a "
                f"cell can be ({LONGEST_CELL} characters)"
            )
        if self._nobody:
            yield f"{self._nobody} rows name nobody (corrupt): take them out before the file is submitted"
        if self._since:
            yield (
                f"whom {', '.join(self._since)} reached since stands here too: to send to those who are left, take the "
                "failures of the last retry, or make another with newar run retry"
            )
        if self._may_have_it:
            yield (
                f"{self._may_have_it} rows are `unknown`: these people MAY HAVE the message already. Take them out "
                "before the file is submitted, if nobody may get it twice"
            )

    async def _read(self, recipient_ids: list[str]) -> Mapping[str, RecipientRow] | None:
        """None: they cannot be read; once that is so, nobody is asked any more."""
        away = ""
        for _ in range(_TRIES):
            if self._source is None or self.problem:
                return None
            try:
                return await self._source.recipients_named(self._run_id, recipient_ids)
            except DatabaseAway as exc:
                away = str(exc)
            except QueryRefused as exc:
                self.problem = f"the {exc.part}: {'; '.join(explain(exc))}"
        self.problem = self.problem or away
        return None

    def _person(self, recipient_id: str, found: Mapping[str, RecipientRow]) -> Person:
        row = found.get(recipient_id)
        if row is None:
            self._missing += bool(recipient_id)
            return Person()
        try:
            return person(row)
        except ValueError:
            self._unreadable += 1
            return person(row._replace(variables=None))
