"""The 24 hours after a person wrote."""

from __future__ import annotations

import pytest

from schema.outcomes import ErrorClass, Outcome
from sender.message.window import outside_window

HOUR_MS = 3600 * 1000
NOW_MS = 1_800_000_000_000
MARGIN_MS = 5 * 60 * 1000


@pytest.mark.parametrize("messaging_type", ["UPDATE", "RESPONSE"])
def test_the_window_closes_a_margin_before_24_hours(messaging_type: str) -> None:
    last_ms = NOW_MS - 24 * HOUR_MS + MARGIN_MS
    assert outside_window(messaging_type, last_ms + 1, NOW_MS) is None
    refusal = outside_window(messaging_type, last_ms, NOW_MS)
    assert refusal is not None
    assert (refusal.error_class, refusal.outcome) == (ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED)
    assert outside_window(messaging_type, last_ms, NOW_MS, margin_ms=0) is None


def test_nobody_who_never_wrote_is_inside_the_window() -> None:
    refusal = outside_window("UPDATE", None, NOW_MS)
    assert refusal is not None
    assert (refusal.error_class, refusal.outcome) == (ErrorClass.RECIPIENT_WINDOW, Outcome.SUPPRESSED)


def test_a_moment_ahead_of_our_clock_is_inside_the_window() -> None:
    assert outside_window("UPDATE", NOW_MS + HOUR_MS, NOW_MS) is None


@pytest.mark.parametrize("messaging_type", ["MESSAGE_TAG", "UTILITY"])
@pytest.mark.parametrize("last_ms", [None, 0])
def test_other_messaging_types_have_no_window(messaging_type: str, last_ms: int | None) -> None:
    assert outside_window(messaging_type, last_ms, NOW_MS) is None
