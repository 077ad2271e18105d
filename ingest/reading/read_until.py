"""Up to which moment the log has all that the broker had of our partitions. Pure; times are ms since 1970."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest.writing.rows import Row


class ReadUntil:
    """Noted for each partition once the rows are written."""

    def __init__(self) -> None:
        self._until: dict[int, int] = {}

    def begin(self, partitions: Iterable[int]) -> None:
        """Forget the others; of these nothing is known yet."""
        self._until = dict.fromkeys(partitions, 0)

    def once_written(
        self, rows: Iterable[Row], nexts: Mapping[int, int], ends: Mapping[int, int], now_ms: int
    ) -> dict[int, int]:
        """Return what is true when the rows are written.

        Args:
            rows: all that was read and is not written, from the newest on.
            nexts: partition -> the offset behind them.
            ends: partition -> the broker's end, of those whose end is known.
            now_ms: when that was so.
        """
        behind = {p for p, following in nexts.items() if p not in ends or following < ends[p]}
        found = {p: now_ms for p in nexts if p not in behind}
        for row in rows:
            if not behind:
                break
            if row.partition in behind:
                behind.remove(row.partition)
                found[row.partition] = row.sent_at_us // 1000
        return found

    def written(self, found: Mapping[int, int]) -> None:
        """Note it."""
        self._until |= {p: until for p, until in found.items() if p in self._until}

    @property
    def ms(self) -> int:
        """Of all our partitions together; 0: not known, or there are none."""
        return min(self._until.values(), default=0)
