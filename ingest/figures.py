"""What one ingest process counts of itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

from msgspec.structs import replace

from ingest.settings import IngestSettings
from ingest.writing.transaction import Written
from schema.runtime.process import ThisProcess
from schema.snapshot import IngestSnapshot, ProcessSnapshot
from schema.topic import Log


class Figures:
    """What is published of the process, and what others need to know of its place in the log."""

    def __init__(self, settings: IngestSettings) -> None:
        self.now = IngestSnapshot()
        self.log: Log | None = None
        self.committed: dict[int, int] = {}
        """Partition of that log -> next offset, of the partitions that are ours."""
        self.without_partitions_since_s: float | None = time.monotonic()
        explaining = {
            "LOG_BATCH_SIZE": settings.log_batch_size,
            "LOG_BATCH_INTERVAL_MS": settings.log_batch_interval_ms,
        }
        self._written_until_s = time.monotonic()
        """What happened before is in the log database."""
        self._this_process = ThisProcess("ingest", f"ingest-{uuid4().hex[:12]}", explaining)
        self._last = (time.monotonic(), 0)

    def wrote(self, written: Written, newest_at: datetime | None) -> None:
        """Count a batch; `newest_at` is when the newest of its events happened."""
        self.now.rows += written.rows
        self.now.dead_letters += written.dead_letters
        self.now.conflicting += written.conflicting
        self.now.repeated += written.repeated
        self.now.corrected += written.corrected
        self.now.too_old += written.too_old
        if newest_at is not None:
            self._written_until_s = time.monotonic() - max(0.0, (datetime.now(UTC) - newest_at).total_seconds())

    def behind(self, events: int) -> None:
        """Note how many events of our partitions are no rows yet."""
        self.now.lag_events = events
        if not events:
            self._written_until_s = time.monotonic()

    def takes_partitions(self) -> None:
        """Count as a member that waits for partitions, until it has some or others have them all."""
        self.now.partitions, self.now.read_until_ms = [], 0
        self.without_partitions_since_s = self.without_partitions_since_s or time.monotonic()

    def has_partitions(self, log: Log, starts: dict[int, int]) -> None:
        """Note the partitions that we read, and from where."""
        self.log, self.committed, self.now.partitions = log, dict(starts), sorted(starts)
        self.now.read_until_ms = 0
        if starts:
            self.without_partitions_since_s = None

    def snapshot(self) -> ProcessSnapshot:
        """Return the figures now; `rows_per_second` is since the last call."""
        now_s, (then_s, then_rows) = time.monotonic(), self._last
        self._last = (now_s, self.now.rows)
        rate = round((self.now.rows - then_rows) / max(now_s - then_s, 0.001), 1)
        lag_s = round(now_s - self._written_until_s, 3) if self.now.lag_events else 0.0
        since_s = self.without_partitions_since_s
        waiting_s = 0.0 if since_s is None else round(now_s - since_s, 1)
        return self._this_process.snapshot(
            replace(self.now, rows_per_second=rate, lag_s=lag_s, without_partitions_s=waiting_s)
        )
