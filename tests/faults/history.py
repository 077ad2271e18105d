"""What happened in a world of faults, from all who saw it. Collected by world.py, judged by checker.py."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from schema.job import job_id


class Accepted(NamedTuple):
    """A message that the Graph API took."""

    job: str
    """Hex."""
    attempt: int


class Row(NamedTuple):
    """A row of `message_logs`."""

    event_id: str
    run_id: str
    recipient_id: str
    attempt: int
    outcome: str
    error_class: str | None
    http_status: int | None = None

    @property
    def job(self) -> str:
        return job_id(self.run_id, self.recipient_id).hex()


@dataclass(frozen=True)
class RunRecord:
    """A run as Redis keeps it."""

    state: str
    recipients: int
    left: int
    outcomes: Counter[str]


@dataclass
class History:
    """All of it. Jobs are ids in hex."""

    enqueued: dict[str, list[str]] = field(default_factory=dict)
    """Run -> recipients that were enqueued for it."""
    accepted: list[Accepted] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    runs: dict[str, RunRecord] = field(default_factory=dict)
    marks: list[tuple[str, int]] = field(default_factory=list)
    """(job, attempt), as senders told that they got them. One killed meanwhile may have got one untold."""
    settlements: list[tuple[str, str]] = field(default_factory=list)
    """(job, final outcome), as senders told that they were accepted; likewise."""
    resending: set[str] = field(default_factory=set)
    """Runs with `on_unknown: resend`."""
    markers: dict[tuple[str, int], str] = field(default_factory=dict)
    """(job, attempt) -> the session that told of its mark."""
    settlers: dict[str, str] = field(default_factory=dict)
    """Job -> the session that told of its final outcome."""
    killed: set[str] = field(default_factory=set)
    """Sessions of senders that were killed."""
