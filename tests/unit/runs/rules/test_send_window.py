"""When a run may send."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sender.runs.rules.send_window import SendWindow, is_open, parse_window


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 7, 1, hour, minute, tzinfo=UTC)


def test_window_opens_at_its_first_minute_and_is_closed_at_its_last() -> None:
    seen = [is_open("09:00-21:00", None, moment) for moment in (at(8, 59), at(9), at(20, 59), at(21))]
    assert seen == [False, True, True, False]


def test_window_may_cross_midnight() -> None:
    seen = [is_open("22:00-06:00", None, moment) for moment in (at(21, 59), at(22), at(0), at(5, 59), at(6))]
    assert seen == [False, True, True, True, False]


def test_window_is_in_the_time_of_the_page() -> None:
    assert is_open("09:00-21:00", "Asia/Bangkok", at(2))
    assert not is_open("09:00-21:00", "Asia/Bangkok", at(14))


@pytest.mark.parametrize("window", [None, "", "  "])
def test_no_window_is_always_open(window: str | None) -> None:
    assert is_open(window, None, at(3))


@pytest.mark.parametrize("text", [" 9:00 - 24:00 ", "09:00-24:00"])
def test_blanks_and_the_end_of_the_day_may_be_written(text: str) -> None:
    assert parse_window(text) == SendWindow(9 * 60, 24 * 60)


@pytest.mark.parametrize("text", ["9-17", "09:00", "24:00-09:00", "09:00-25:00", "09:60-10:00", "09:00-09:00", "x"])
def test_malformed_window_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"write for example 09:00-21:00"):
        parse_window(text)


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "Asia", "\0"])
def test_unknown_time_zone_says_what_to_write(name: str) -> None:
    with pytest.raises(ValueError, match="write for example Asia/Bangkok"):
        is_open("09:00-21:00", name, at(9))
