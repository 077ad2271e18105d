"""What a process is: the head that all its snapshots share."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

import msgspec

from schema.snapshot import IngestSnapshot, ProcessSnapshot, RunsSnapshot, SenderSnapshot


class ThisProcess:
    """One service of this process, since its start.

    Args:
        service: `sender`, `runs` or `ingest`.
        process_id: no other process ever has it.
        settings: the few that explain the figures, never a secret.
    """

    def __init__(self, service: str, process_id: str, settings: Mapping[str, int | float | str]) -> None:
        now_ms = _now_ms()
        self.id = process_id
        self._head = ProcessSnapshot(
            process_id=process_id,
            service=service,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at_ms=now_ms,
            at_ms=now_ms,
            settings=dict(settings),
        )

    def snapshot(self, part: SenderSnapshot | RunsSnapshot | IngestSnapshot) -> ProcessSnapshot:
        """Return what the process says of itself now; `part` is that of its service."""
        return msgspec.structs.replace(self._head, at_ms=_now_ms(), **{self._head.service: part})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
