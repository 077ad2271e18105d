"""What one ingest process counts of itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

from msgspec.structs import replace

from ingest.settings import IngestSettings
from ingest.transaction import Written
from schema.runtime.process import ThisProcess
from schema.snapshot import IngestSnapshot, ProcessSnapshot


class Figures:
    """What is published of the process, and what others need to know of its place in the log."""

    def __init__(self, settings: IngestSettings) -> None:
        self.now = IngestSnapshot()
        self.cluster_id = ""
        self.committed: dict[int, int] = {}
        """Partition of that cluster -> next offset, of the partitions that are ours."""
        explaining = {
            "LOG_BATCH_SIZE": settings.log_batch_size,
            "LOG_BATCH_INTERVAL_MS": settings.log_batch_interval_ms,
        }
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
            self.now.lag_s = round(max(0.0, (datetime.now(UTC) - newest_at).total_seconds()), 3)

    def snapshot(self) -> ProcessSnapshot:
        """Return the figures now; `rows_per_second` is since the last call."""
        now_s, (then_s, then_rows) = time.monotonic(), self._last
        self._last = (now_s, self.now.rows)
        rate = round((self.now.rows - then_rows) / max(now_s - then_s, 0.001), 1)
        lag_s = self.now.lag_s if self.now.lag_events else 0.0
        return self._this_process.snapshot(replace(self.now, rows_per_second=rate, lag_s=lag_s))
