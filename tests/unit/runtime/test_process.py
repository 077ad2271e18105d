"""The head that all snapshots of one process share."""

from __future__ import annotations

import os
import socket
import time

from schema.runtime.process import ThisProcess
from schema.snapshot import IngestSnapshot, RunsSnapshot


def test_snapshots_of_one_process_differ_in_their_moment_and_their_part_alone() -> None:
    before_ms = time.time_ns() // 1_000_000
    process = ThisProcess("ingest", "ingest-1", {"LOG_BATCH_SIZE": 200})
    first, second = process.snapshot(IngestSnapshot(rows=1)), process.snapshot(IngestSnapshot(rows=2))
    assert (first.process_id, first.service, first.settings) == ("ingest-1", "ingest", {"LOG_BATCH_SIZE": 200})
    assert (first.host, first.pid) == (socket.gethostname(), os.getpid())
    assert before_ms <= first.started_at_ms == second.started_at_ms <= first.at_ms <= second.at_ms
    assert (first.ingest, second.ingest) == (IngestSnapshot(rows=1), IngestSnapshot(rows=2))
    assert (first.runs, first.sender) == (None, None)


def test_the_part_stands_under_the_name_of_its_service() -> None:
    assert ThisProcess("runs", "runs-1", {}).snapshot(RunsSnapshot(runs_taken=3)).runs == RunsSnapshot(runs_taken=3)
