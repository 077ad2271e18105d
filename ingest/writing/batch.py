"""What was read and not written yet, and when it is time to write it. Pure; time is passed in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from ingest.writing.rows import DeadLetter, Row
from ingest.writing.tally import Tally

MOST_ROWS = 25_000
MOST_BYTES = 12 * 1024 * 1024


class Batch:
    """Rows and dead letters of several partitions, with the span of offsets that they cover."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.tally = Tally()
        """Of all rows."""
        self.days: set[date] = set()
        """Of all rows."""
        self.dead: list[DeadLetter] = []
        self.first: dict[int, int] = {}
        """partition -> its `next_offset` before this batch."""
        self.next: dict[int, int] = {}
        """partition -> its `next_offset` once this batch is written."""
        self.until: dict[int, int] = {}
        """partition -> up to which moment (ms) the log has it once this batch is written; filled in at the end."""
        self._bytes = 0
        self._since_s = 0.0

    def add(self, partition: int, span: tuple[int, int], read: Iterable[Row | DeadLetter], now_s: float) -> None:
        """Take what was read of a partition: `span` is its next offset before and after."""
        if not self:
            self._since_s = now_s
        self.first.setdefault(partition, span[0])
        self.next[partition] = span[1]
        for message in read:
            self._bytes += len(message.raw)
            if isinstance(message, Row):
                self.rows.append(message)
                self.days.add(message.day)
                self.tally.add(message)
            else:
                self.dead.append(message)

    def __bool__(self) -> bool:
        return bool(self.next)

    def __len__(self) -> int:
        return len(self.rows) + len(self.dead)

    @property
    def worth_it(self) -> bool:
        """Whether it is so large that a database with nothing to do should not wait for more."""
        return len(self) >= MOST_ROWS // 3 or self.full

    @property
    def full(self) -> bool:
        """Whether nothing more may be taken."""
        return len(self) >= MOST_ROWS or self._bytes >= MOST_BYTES

    def wait_s(self, now_s: float, interval_s: float) -> float:
        """Return how long this batch may still wait for more, given how long the first may wait."""
        return max(0.0, self._since_s + interval_s - now_s) if self else interval_s
