"""What a sender remembers of the events that the broker has not acknowledged."""

from __future__ import annotations

from sender.outbox.unacknowledged import Unacknowledged


def test_only_what_the_broker_has_not_acknowledged_is_left() -> None:
    events = Unacknowledged()
    events.add("r", "100", b"one")
    events.add("r", "100", b"two")
    events.discard(b"one")
    events.discard(b"somebody else's")
    assert len(events) == 1
    assert events.take() == [("r", "100", b"two")]
    assert events.take() == []
