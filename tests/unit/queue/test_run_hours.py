"""Whether a run is shown as outside its hours."""

from __future__ import annotations

import pytest
from msgspec import msgpack

from sender.queue.run_hours import is_closed


@pytest.mark.parametrize(
    ("now_ms", "closed"), [(999, True), (1000, False), (1999.9, False), (2000, True), (3000, False), (4000, True)]
)
def test_closing_moment_lies_outside(now_ms: float, closed: bool) -> None:
    windows = msgpack.encode({"": [1000, 2000, 3000, 4000], "Asia/Tokyo": [0, 9000]})
    assert is_closed(windows, now_ms) is closed


def test_run_without_hours_is_never_closed_and_one_with_none_left_always() -> None:
    assert not is_closed(None, 0)
    assert is_closed(msgpack.encode({"": []}), 0)
    assert not is_closed(b"\xc1", 0)
