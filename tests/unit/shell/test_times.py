"""Moments and spans of time from the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer

from ops.shell.times import lasting, since, span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1.5 h", 5400), ("15min", 900), ("2d", 172_800), (" 0.001s ", 0.001), ("3650d", 3650 * 86_400)],
)
def test_a_span_is_read(text: str, seconds: float) -> None:
    assert span(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "0s", "5", "-3h", "2 weeks", "3651d", "1e3s", "99999999d", "999999999h", "nan", "٣h"]
)
def test_what_is_no_span_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write for example 30s"):
        span(text)


def test_since_is_a_moment_or_how_long_ago_it_was() -> None:
    assert since("2026-11-22T09:30:00Z") == datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    before = datetime.now(UTC)
    assert before <= since("2h") + timedelta(hours=2) <= datetime.now(UTC)
    with pytest.raises(typer.BadParameter, match="write for example 2h, 3d or 2026"):
        since("yesterday")


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")]
)
def test_how_long_something_lasts_is_said_in_two_units(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
