"""Under what a figure was measured: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
import resource
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Conditions:
    """The machine and its state at the start of a benchmark."""

    at: str
    cores: int
    load_average_1m: float
    """Before the benchmark began: what others were using."""
    python: str
    system: str
    file_descriptors: int

    @classmethod
    def now(cls) -> Conditions:
        """Look at this machine."""
        return cls(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            cores=len(os.sched_getaffinity(0)),
            load_average_1m=round(os.getloadavg()[0], 2),
            python=platform.python_version(),
            system=platform.platform(),
            file_descriptors=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )

    def __str__(self) -> str:
        return (
            f"{self.at}, {self.cores} cores shared by everything, load {self.load_average_1m} before, "
            f"Python {self.python}, {self.system}, {self.file_descriptors} file descriptors"
        )
