"""What one ingest process counts of itself."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

from ingest.settings import IngestSettings
from ingest.writer import Written
from schema.runtime.this_process import ThisProcess
from schema.snapshot import IngestSnapshot, ProcessSnapshot


class Figures:
    """Counters since the start, and the last known state."""

    def __init__(self, settings: IngestSettings) -> None:
        self.rows = 0
        self.dead_letters = 0
        self.lag_events = 0
        self.partitions: list[int] = []
        self.database_down = False
        self.cluster_id = ""
        self.committed: dict[int, int] = {}
        """Partition of that cluster -> next offset, of the partitions that are ours."""
        self._lag_s = 0.0
        self._process = ThisProcess(
            "ingest",
            f"ingest-{uuid4().hex[:12]}",
            {
                "LOG_BATCH_SIZE": settings.log_batch_size,
                "LOG_BATCH_INTERVAL_MS": settings.log_batch_interval_ms,
            },
        )
        self._last = (time.monotonic(), 0)

    def wrote(self, written: Written, newest_at: datetime | None) -> None:
        """Count a batch; `newest_at` is when the newest of its events happened."""
        self.rows += written.rows
        self.dead_letters += written.dead_letters
        if newest_at is not None:
            self._lag_s = max(0.0, (datetime.now(UTC) - newest_at).total_seconds())

    def snapshot(self) -> ProcessSnapshot:
        """Return the figures now; `rows_per_second` is since the last call."""
        now_s, (then_s, then_rows) = time.monotonic(), self._last
        self._last = (now_s, self.rows)
        return self._process.snapshot(
            ingest=IngestSnapshot(
                rows=self.rows,
                rows_per_second=round((self.rows - then_rows) / max(now_s - then_s, 0.001), 1),
                lag_events=self.lag_events,
                lag_s=round(self._lag_s, 3) if self.lag_events else 0.0,
                dead_letters=self.dead_letters,
                partitions=self.partitions,
                database_down=self.database_down,
            ),
        )
