"""From which share of refused events on the ingest stops."""

from __future__ import annotations

import pytest

from ingest.writing.rows import DeadLetter
from ingest.writing.stop_share import StopShare, TooManyRefused


def dead(count: int) -> list[DeadLetter]:
    return [DeadLetter(0, n, b"secret", "no event: secret", "no event") for n in range(count)]


def test_of_few_events_a_share_says_nothing() -> None:
    share = StopShare(0.05)
    share.check(199, dead(199))
    share.note(199, 199)
    with pytest.raises(TooManyRefused, match="200 of the last 200 events were refused, the last one with: no event"):
        share.check(1, dead(1))


def test_the_share_itself_may_be_reached_and_not_passed() -> None:
    StopShare(0.05).check(1000, dead(50))
    with pytest.raises(TooManyRefused):
        StopShare(0.05).check(1000, dead(51))


def test_a_batch_without_refused_ones_always_goes_on() -> None:
    share = StopShare(0.05)
    share.note(300, 15)
    share.note(1, 1)
    share.check(10, dead(0))


def test_what_lies_far_back_counts_no_more() -> None:
    share = StopShare(0.05)
    share.note(10_000, 400)
    for _ in range(10):
        share.note(1000, 0)
    share.check(1000, dead(100))
    share.note(1000, 500)
    with pytest.raises(TooManyRefused):
        share.check(1000, dead(100))


def test_a_share_of_one_never_stops() -> None:
    share = StopShare(1.0)
    share.note(10_000, 10_000)
    share.check(10_000, dead(10_000))
