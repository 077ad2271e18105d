"""What this process has settled and not seen acknowledged by the broker: all that is left of it if Redis is emptied."""

from __future__ import annotations


class Unacknowledged:
    """Events by their final bytes. Bounded by the outbox: when that is full nothing more is claimed."""

    def __init__(self) -> None:
        self._events: dict[bytes, tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self._events)

    def add(self, run_id: str, page_id: str, event: bytes) -> None:
        """Note an event that is about to be settled."""
        self._events[event] = (run_id, page_id)

    def discard(self, event: bytes) -> None:
        """Forget an event: the broker has it, or it was not ours to settle."""
        self._events.pop(event, None)

    def take(self) -> list[tuple[str, str, bytes]]:
        """Return (run, page, event) of all, and forget them."""
        events, self._events = self._events, {}
        return [(run_id, page_id, event) for event, (run_id, page_id) in events.items()]
