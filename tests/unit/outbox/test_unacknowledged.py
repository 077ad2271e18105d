"""What a sender remembers of the events that the broker has not acknowledged."""

from __future__ import annotations

from sender.outbox.unacknowledged import Unacknowledged
from sender.queue.session_queue import Settlement


def _settled(event: bytes) -> Settlement:
    return Settlement(b"job", "r", "100", "sent", event)


def test_only_what_the_broker_has_not_acknowledged_is_left() -> None:
    events = Unacknowledged()
    for event in (b"one", b"two", b"not answered yet"):
        events.add(_settled(event))
    for event in (b"one", b"two", b"somebody else's"):
        events.answered(event)
    events.discard(b"one")
    events.discard(b"somebody else's")
    assert len(events) == 2
    assert events.all_answered() == [_settled(b"two")]
