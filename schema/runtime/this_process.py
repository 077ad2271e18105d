"""Who this process is: the head of all its snapshots."""

from __future__ import annotations

import os
import socket
import time

from schema.snapshot import IngestSnapshot, ProcessSnapshot, RunsSnapshot, SenderSnapshot


class ThisProcess:
    """One service of this process, from now on.

    Args:
        service: `sender`, `runs` or `ingest`.
        process_id: names it among all processes of the system.
        settings: the few that explain its figures, never a secret.
    """

    def __init__(self, service: str, process_id: str, settings: dict[str, int | float | str]) -> None:
        self.id = process_id
        self._service = service
        self._settings = settings
        self._started_at_ms = _now_ms()

    def snapshot(
        self,
        *,
        sender: SenderSnapshot | None = None,
        ingest: IngestSnapshot | None = None,
        runs: RunsSnapshot | None = None,
    ) -> ProcessSnapshot:
        """Return a snapshot of this moment with the service's own part."""
        return ProcessSnapshot(
            process_id=self.id,
            service=self._service,
            host=socket.gethostname(),
            pid=os.getpid(),
            started_at_ms=self._started_at_ms,
            at_ms=_now_ms(),
            settings=self._settings,
            sender=sender,
            ingest=ingest,
            runs=runs,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
