"""What this process has settled and not seen acknowledged by the broker: all that is left of it if Redis forgets it."""

from __future__ import annotations

from sender.queue.session_queue import Settlement


class Unacknowledged:
    """Settlements by their events. Bounded by the outbox: when that is full nothing more is claimed."""

    def __init__(self) -> None:
        self._settlements: dict[bytes, Settlement] = {}
        self._answered: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._settlements)

    def add(self, settlement: Settlement) -> None:
        """Note what is about to be settled."""
        self._settlements[settlement.event] = settlement

    def answered(self, event: bytes) -> None:
        """Note that Redis has answered; what it has not answered is settled again anyhow."""
        if event in self._settlements:
            self._answered.add(event)

    def discard(self, event: bytes) -> None:
        """Forget an event: the broker has it, or it was not ours to settle."""
        self._settlements.pop(event, None)
        self._answered.discard(event)

    def all_answered(self) -> list[Settlement]:
        """Return all that Redis has answered."""
        return [self._settlements[event] for event in self._settlements if event in self._answered]
