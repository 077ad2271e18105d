"""What a run processor counts of itself."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass
class Figures:
    """Since the start of the process."""

    polls: int = 0
    last_poll_ms: int = 0
    runs_taken: int = 0
    runs_refused: int = 0
    jobs_enqueued: int = 0
    runs_queue_lost: int = 0
    """At the last look into the books: held until a person recovers them."""
