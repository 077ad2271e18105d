"""The arithmetic of day partitions."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.days.arithmetic import days_from, outdated, partition_day, partition_name

TODAY = date(2026, 3, 1)


def test_a_partition_is_named_after_its_day() -> None:
    assert partition_name(date(2026, 3, 1)) == "message_logs_20260301"


@given(st.dates())
def test_the_day_is_read_back_from_the_name(day: date) -> None:
    assert partition_day(partition_name(day)) == day


def test_names_of_others_are_not_ours() -> None:
    names = ["message_logs", "message_logs_20260230", "message_logs_2026030", "message_logs_20260301_old", "x_20260301"]
    assert [partition_day(name) for name in names] == [None] * 5


def test_days_ahead_begin_with_today_and_cross_months() -> None:
    assert days_from(date(2026, 2, 27), 2) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]


def test_a_day_is_outdated_when_its_last_moment_is() -> None:
    days = [TODAY - timedelta(days=n) for n in range(-2, 10)]
    assert outdated(days, TODAY, 7) == [date(2026, 2, 20), date(2026, 2, 21)]
    assert outdated(days, TODAY, 9) == []
