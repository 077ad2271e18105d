"""What is so: counted again from the log's rows, the submitted people, and what the stand-in accepted."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import httpx
import msgspec
import psycopg

from schema.job import job_id
from tests.browser.truth.happenings import DENIED, GONE

FINAL = ("sent", "failed", "suppressed", "expired", "unknown", "cancelled")
_RUNS = """
    SELECT s.run_id, s.page_id, (SELECT count(*) FROM submitted_recipients p WHERE p.run_id = s.run_id),
        r.run_id IS NOT NULL, r.state IS NOT DISTINCT FROM 'finished'
    FROM submitted_runs s LEFT JOIN runs r USING (run_id)
"""
_ROWS = """
    SELECT run_id, page_id, recipient_id, attempt, outcome, error_class, error_code, error_subcode,
        error_message, latency_ms
    FROM message_logs
"""


class Row(NamedTuple):
    """A row of the log."""

    run_id: str
    page_id: str
    person: str
    attempt: int
    outcome: str
    error_class: str | None
    code: int | None
    subcode: int | None
    message: str | None
    latency_ms: float | None


class RunCount(NamedTuple):
    """A run, by its people and its rows."""

    run_id: str
    page_id: str
    recipients: int
    is_taken: bool
    is_over: bool
    rows: list[Row]

    @property
    def final(self) -> Counter[str]:
        """Outcome -> people who have it."""
        return Counter(row.outcome for row in self.rows if row.outcome != "retrying")

    @property
    def done(self) -> int:
        """People who have their outcome."""
        return self.final.total()

    @property
    def missed(self) -> Counter[tuple[str, str]]:
        """Outcome and class -> people who did not get it."""
        kinds = ((row.outcome, row.error_class or "") for row in self.rows)
        return Counter(kind for kind in kinds if kind[0] not in ("sent", "retrying"))


class Recount(NamedTuple):
    """All of it, at one moment."""

    runs: dict[str, RunCount]
    suppressed: list[tuple[str, str]]
    """People and reasons."""
    accepted: Counter[str]
    """Job -> how often the stand-in took it."""

    @property
    def rows(self) -> list[Row]:
        """All rows of the log."""
        return [row for run in self.runs.values() for row in run.rows]

    @property
    def waiting(self) -> dict[str, RunCount]:
        """Runs that are taken and not over, and wait."""
        return {name: run for name, run in self.runs.items() if run.is_taken and not run.is_over}

    def check(self) -> None:
        """Whoever has the message by the log has it by the ledger, once; nobody else has it."""
        told = [row for row in self.rows if row.outcome in ("sent", "unknown")]
        assert Counter(job_id(row.run_id, row.person).hex() for row in told) == self.accepted
        assert all(run.done == run.recipients for run in self.runs.values() if run.is_over)
        assert sorted(self.suppressed) == sorted(
            [(p, "denied") for p in DENIED] + [(p, "recipient_gone") for p in GONE]
        )


def recount(database: psycopg.Connection[Any], graph_url: str) -> Recount:
    """Count."""
    rows = [Row(*row) for row in database.execute(_ROWS)]
    runs = {
        run_id: RunCount(run_id, page_id, people, is_taken, is_over, [row for row in rows if row.run_id == run_id])
        for run_id, page_id, people, is_taken, is_over in database.execute(_RUNS)
    }
    suppressed = database.execute("SELECT recipient_id, reason FROM suppressions WHERE lifted_at IS NULL").fetchall()
    ledger = [msgspec.json.decode(line) for line in httpx.get(f"{graph_url}/__ledger").text.splitlines()]
    jobs = Counter(entry["metadata"].removeprefix("j=").partition(";")[0] for entry in ledger)
    return Recount(runs, [(person, reason) for person, reason in suppressed], jobs)
