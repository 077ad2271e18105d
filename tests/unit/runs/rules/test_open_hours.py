"""What the queue is given of a run's hours."""

from __future__ import annotations

import pytest

from sender.runs.rules.open_hours import AHEAD_MS, OpenHours, known_until_ms

HOUR_MS = 3_600_000
NOON_MS = 1_800_014_400_000  # 2027-01-15 12:00 UTC


def test_text_gives_back_what_it_was_made_of() -> None:
    for hours in (OpenHours("09:00-21:00", "Asia/Bangkok"), OpenHours("x", "")):
        assert OpenHours.of(hours.text) == hours
    assert OpenHours.of("") == OpenHours("", "")


def test_intervals_reach_from_before_now_to_fourteen_days_ahead() -> None:
    for now_ms in (NOON_MS, NOON_MS + HOUR_MS - 1):
        [(opens, closes)] = OpenHours("00:00-24:00", "").intervals("", now_ms)
        assert (opens, closes) == (NOON_MS - 24 * HOUR_MS, known_until_ms(now_ms))
        assert closes - now_ms >= AHEAD_MS


def test_recipients_zone_counts_instead_of_the_pages() -> None:
    hours = OpenHours("19:00-20:00", "Asia/Bangkok")
    assert hours.is_open(NOON_MS)
    assert not hours.is_open(NOON_MS + HOUR_MS)
    assert NOON_MS + 7 * HOUR_MS in [opens for opens, _ in hours.intervals("UTC", NOON_MS)]


@pytest.mark.parametrize("hours", [OpenHours("daytime", ""), OpenHours("09:00-21:00", "Mars/Base")])
def test_what_cannot_be_read_is_closed_and_says_why(hours: OpenHours) -> None:
    assert hours.intervals("", NOON_MS) == hours.intervals("Asia/Tokyo", NOON_MS) == ()
    assert "write for example" in (hours.problem or "")
