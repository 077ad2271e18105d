"""Does the log agree with the truth? The log's rows against the recipients, and against what the Graph API accepted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import httpx
import msgspec
import psycopg

from schema.job import job_id
from schema.outcomes import Outcome


@dataclass(frozen=True)
class Proof:
    """What was found; `problems` is empty when everything adds up."""

    recipients: int
    outcomes: dict[str, int]
    rows: int
    """Final rows in the log."""
    accepted: int
    """Messages that the Graph API accepted."""
    duplicates: int
    """Messages accepted more than once, and recipients with more than one final row."""
    problems: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as `newar demo --json` prints them."""
        return asdict(self)


def prove(rows: Iterable[tuple[str, str, str, int]], accepted_jobs: Iterable[str], *, recipients: int) -> Proof:
    """Compare final rows (run, recipient, outcome, how many) with the jobs (hex) that were accepted."""
    outcomes: Counter[str] = Counter()
    by_job: dict[str, str] = {}
    row_count = doubled_rows = 0
    for run_id, recipient_id, outcome, count in rows:
        outcomes[outcome] += 1
        row_count += count
        doubled_rows += count > 1
        by_job[job_id(run_id, recipient_id).hex()] = outcome
    accepted = Counter(accepted_jobs)
    arrived_twice = sum(n > 1 for n in accepted.values())
    sent = {job for job, outcome in by_job.items() if outcome == Outcome.SENT}
    denied = [j for j in accepted if by_job.get(j) not in (Outcome.SENT, Outcome.UNKNOWN)]
    findings = {
        f"{recipients - len(by_job)} recipients have no final row": recipients != len(by_job),
        f"{doubled_rows} recipients have more than one final row": doubled_rows > 0,
        f"{arrived_twice} messages arrived more than once": arrived_twice > 0,
        f"{len(sent - accepted.keys())} messages are logged as sent and never arrived": sent - accepted.keys() != set(),
        f"{len(denied)} messages arrived and are logged neither as sent nor as unknown": bool(denied),
    }
    return Proof(
        recipients=recipients,
        outcomes=dict(sorted(outcomes.items())),
        rows=row_count,
        accepted=accepted.total(),
        duplicates=arrived_twice + doubled_rows,
        problems=[text for text, found in findings.items() if found],
    )


def read_rows(log_database_url: str) -> list[tuple[str, str, str, int]]:
    """Return the final rows of the log. Blocks."""
    query: Any = (files("ops.demo") / "rows.sql").read_text("utf-8")
    with psycopg.connect(log_database_url) as connection:
        rows: list[tuple[str, str, str, int]] = connection.execute(query).fetchall()
    return rows


async def read_ledger(graph_url: str) -> list[str]:
    """Return the job (hex) of each message that the stand-in Graph API accepted."""
    jobs = []
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", f"{graph_url}/__ledger") as answer:
        async for line in answer.aiter_lines():
            metadata = msgspec.json.decode(line)["metadata"]
            jobs.append(metadata.removeprefix("j=").partition(";")[0])
    return jobs
