"""When a batch is full or old, and which offsets it covers."""

from __future__ import annotations

import pytest

from ingest.writing import batch as module
from ingest.writing.batch import Batch
from ingest.writing.rows import DeadLetter, Row


def row(offset: int) -> Row:
    return Row(0, offset, b"raw!", b"copied", ("run-1", "1", "sent", None, 0), 0, None)


def test_a_batch_covers_the_offsets_from_its_first_to_its_last_read() -> None:
    batch = Batch()
    batch.add(0, (5, 7), [row(5), row(6)], 0.0)
    batch.add(1, (0, 1), [DeadLetter(1, 0, b"", "no value", "no value")], 0.0)
    batch.add(0, (7, 9), [row(8)], 0.0)
    assert (batch.first, batch.next) == ({0: 5, 1: 0}, {0: 9, 1: 1})
    assert ([r.offset for r in batch.rows], len(batch.dead), len(batch)) == ([5, 6, 8], 1, 4)


def test_a_batch_waits_from_its_first_message_on() -> None:
    batch = Batch()
    assert batch.wait_s(100.0, 2.0) == 2.0
    batch.add(0, (0, 1), [row(0)], 100.0)
    batch.add(0, (1, 2), [row(1)], 101.5)
    assert batch.wait_s(101.5, 2.0) == 0.5
    assert batch.wait_s(103.0, 2.0) == 0.0


def test_a_batch_is_full_by_rows_or_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    monkeypatch.setattr(module, "MOST_BYTES", 12)
    by_rows, by_bytes = Batch(), Batch()
    by_rows.add(0, (0, 1), [row(0)], 0.0)
    assert not by_rows.full
    by_rows.add(0, (1, 2), [row(1)], 0.0)
    assert by_rows.full
    by_bytes.add(0, (0, 1), [DeadLetter(0, 0, b"123456789012", "wrong", "wrong")], 0.0)
    assert by_bytes.full
