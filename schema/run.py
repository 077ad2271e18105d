"""A run as the services pass it on: what the source says of it, checked, and what it is doing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec

DEAD_TAGS = frozenset({"CONFIRMED_EVENT_UPDATE", "POST_PURCHASE_UPDATE", "ACCOUNT_UPDATE"})
"""Answer code 100 since 2026-04-27 (Meta: Send a Message, 2026-05-05; platform facts 1.3)."""

MESSAGING_TYPES = frozenset({"RESPONSE", "UPDATE", "MESSAGE_TAG", "UTILITY"})
NOTIFICATION_TYPES = frozenset({"REGULAR", "SILENT_PUSH", "NO_PUSH"})

ContentClass = Literal["text", "media"]
"""Which of a page's two limits counts: `media` is audio and video (platform facts 3.1)."""


class RunState(StrEnum):
    """What a run is doing, as Redis and the run registry say."""

    ENQUEUING = "enqueuing"
    """Being put into the queue; its first messages may be leaving already."""
    ACTIVE = "active"
    """Completely in the queue."""
    PAUSED = "paused"
    CANCELLED = "cancelled"
    """Being drained: every recipient left ends as `cancelled`."""
    EXPIRED = "expired"
    """Being drained: every recipient left ends as `expired`."""
    FINISHED = "finished"
    """Every recipient has a final outcome."""
    REFUSED = "refused"
    """Never enqueued: the run itself is unusable; the registry's `reason` says why."""
    QUEUE_LOST = "queue_lost"
    """Registered, but the queue that held its jobs is gone; held until `newar run recover`."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was checked and may be enqueued. Stored once per run in the queue, as JSON."""

    run_id: str
    page_id: str
    message: dict[str, Any]
    """The Send API `message` object, with `{{variable|fallback}}` in its strings."""
    messaging_type: str = "UPDATE"
    tag: str | None = None
    notification_type: str | None = None
    content: ContentClass = "text"
    priority: int = 0
    on_unknown: Literal["hold", "resend"] = "hold"
    expires_at_ms: int
    """After this moment (ms since 1970, UTC) whoever was not sent to ends as `expired`."""
    parent_run_id: str | None = None
