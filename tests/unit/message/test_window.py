"""The 24 hours after a person wrote."""

from __future__ import annotations

import pytest

from schema.outcomes import ErrorClass, Outcome
from sender.message.window import Now, outside_window

HOUR_MS = 3600 * 1000
NOW_MS = 1_800_000_000_000
MARGIN_MS = 5 * 60 * 1000
NOW = Now(NOW_MS, NOW_MS)


@pytest.mark.parametrize("messaging_type", ["UPDATE", "RESPONSE"])
def test_the_window_closes_a_margin_before_24_hours(messaging_type: str) -> None:
    last_ms = NOW_MS - 24 * HOUR_MS + MARGIN_MS
    assert outside_window(messaging_type, last_ms + 1, NOW) is None
    refusal = outside_window(messaging_type, last_ms, NOW)
    assert refusal is not None
    assert (refusal.error_class, refusal.outcome) == (ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED)
    assert outside_window(messaging_type, last_ms, NOW, margin_ms=0) is None


def test_nobody_who_never_wrote_is_inside_the_window() -> None:
    refusal = outside_window("UPDATE", None, NOW)
    assert refusal is not None
    assert (refusal.error_class, refusal.outcome) == (ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED)


@pytest.mark.parametrize("later_ms", [-1000, 0, MARGIN_MS])
def test_a_moment_a_little_ahead_of_our_clock_is_inside_the_window(later_ms: int) -> None:
    assert outside_window("UPDATE", NOW_MS + later_ms, NOW) is None


@pytest.mark.parametrize("last_ms", [NOW_MS + MARGIN_MS + 1, NOW_MS * 1000, 10**18])
def test_a_moment_that_has_not_been_yet_opens_no_window(last_ms: int) -> None:
    refusal = outside_window("UPDATE", last_ms, NOW)
    assert refusal is not None
    assert (refusal.error_class, refusal.outcome) == (ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED)
    assert "in the future" in refusal.reason


def test_of_two_clocks_the_later_one_tells_what_is_in_the_future() -> None:
    behind = Now(NOW_MS - HOUR_MS, NOW_MS)
    assert outside_window("UPDATE", NOW_MS, behind) is None
    assert outside_window("UPDATE", NOW_MS - 24 * HOUR_MS, behind) is None


@pytest.mark.parametrize("last_ms", [0, NOW_MS // 1000, -(10**15)])
def test_seconds_taken_for_milliseconds_are_said_to_be_that(last_ms: int) -> None:
    refusal = outside_window("UPDATE", last_ms, NOW)
    assert refusal is not None
    assert "before 2015" in refusal.reason


@pytest.mark.parametrize("messaging_type", ["MESSAGE_TAG", "UTILITY"])
@pytest.mark.parametrize("last_ms", [None, 0])
def test_other_messaging_types_have_no_window(messaging_type: str, last_ms: int | None) -> None:
    assert outside_window(messaging_type, last_ms, NOW) is None
