"""What a pool and its connections count while they work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Since the pool's start."""

    requests: int = 0
    connections_opened: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """By phase."""
