"""When a run may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.runs.rules.send_window import SendWindow, open_intervals, opens_anywhere, parse_window, zone, zone_named

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def hours(window: str, name: str | None, begins: str, ends: str) -> list[str]:
    """The intervals between two moments, as the clock on the wall shows their ends."""
    there = zone(name)
    found = open_intervals(parse_window(window), there, ms(begins), ms(ends))

    def shown(moment: int) -> str:
        return datetime.fromtimestamp(moment / 1000, UTC).astimezone(there).strftime("%d %H:%M")

    return [f"{shown(opens)} - {shown(closes)}" for opens, closes in found]


def test_single_span_opens_every_day() -> None:
    assert hours("09:00-21:00", None, "2026-07-01T00:00Z", "2026-07-03T00:00Z") == [
        "01 09:00 - 01 21:00",
        "02 09:00 - 02 21:00",
    ]


def test_what_is_open_already_begins_and_ends_with_the_time_asked_for() -> None:
    assert hours("09:00-21:00", None, "2026-07-01T10:00Z", "2026-07-01T11:30Z") == ["01 10:00 - 01 11:30"]
    assert hours("09:00-21:00", None, "2026-07-01T21:00Z", "2026-07-02T09:00Z") == []


def test_window_is_in_the_time_of_the_zone() -> None:
    window = parse_window("09:00-21:00")
    assert open_intervals(window, zone("Asia/Bangkok"), ms("2026-07-01T00:00Z"), ms("2026-07-02T00:00Z")) == [
        (ms("2026-07-01T02:00Z"), ms("2026-07-01T14:00Z"))
    ]


def test_several_spans_and_weekdays() -> None:  # 2026-07-03 is a Friday
    window = "Mon-Fri 09:00-12:00, 14:00-21:00; sat 10:00-14:00"
    assert hours(window, None, "2026-07-03T00:00Z", "2026-07-06T10:00Z") == [
        "03 09:00 - 03 12:00",
        "03 14:00 - 03 21:00",
        "04 10:00 - 04 14:00",
        "06 09:00 - 06 10:00",
    ]


def test_span_across_midnight_goes_on_in_the_next_day_and_from_sunday_in_monday() -> None:
    assert hours("Fri, Sunday 22:00-02:00", None, "2026-07-03T00:00Z", "2026-07-07T00:00Z") == [
        "03 22:00 - 04 02:00",
        "05 22:00 - 06 02:00",
    ]


def test_whole_days_are_one_interval() -> None:
    assert hours("00:00-24:00", "Europe/Berlin", "2026-03-20T00:00Z", "2026-04-03T00:00Z") == ["20 01:00 - 03 02:00"]
    assert parse_window("22:00-06:00, 06:00-22:00") == SendWindow(((0, 7 * 1440),))


def test_days_may_go_round_the_week() -> None:
    assert parse_window("Sat-Mon 10:00-11:00") == parse_window("Mon, Sat, Sun 10:00-11:00")


def test_hour_left_out_by_the_clock_is_not_waited_for() -> None:  # Berlin, 2026-03-29: 02:00 is followed by 03:00
    day = "2026-03-28T23:00Z", "2026-03-29T22:00Z"
    assert hours("02:30-05:00", "Europe/Berlin", *day) == ["29 03:00 - 29 05:00"]
    assert hours("01:00-02:30", "Europe/Berlin", *day) == ["29 01:00 - 29 03:00"]  # closes at that moment
    assert hours("02:10-02:50", "Europe/Berlin", *day) == []
    assert hours("01:00-04:00", "Europe/Berlin", *day) == ["29 01:00 - 29 04:00"]


def test_hour_shown_twice_by_the_clock_is_open_or_closed_twice() -> None:  # Berlin, 2026-10-25: 03:00 is 02:00 again
    window, berlin = parse_window("01:30-02:30"), zone("Europe/Berlin")
    assert open_intervals(window, berlin, ms("2026-10-24T22:00Z"), ms("2026-10-25T23:00Z")) == [
        (ms("2026-10-24T23:30Z"), ms("2026-10-25T00:30Z")),
        (ms("2026-10-25T01:00Z"), ms("2026-10-25T01:30Z")),
    ]


_minutes = st.integers(0, 24 * 60 - 1)
_spans = st.lists(st.tuples(_minutes, st.integers(0, 24 * 60)).filter(lambda s: s[0] != s[1]), min_size=1, max_size=3)
_week = st.dictionaries(st.sampled_from(_DAYS), _spans, min_size=1)
_AROUND = {  # days on which these zones change their clocks, or nearly
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),
    "America/Santiago": ("2026-04-04", "2026-09-05"),
    "Asia/Kathmandu": ("2026-06-01", "2026-12-31"),
    "UTC": ("2026-02-27", "2026-12-30"),
}


def written(span: tuple[int, int]) -> str:
    return f"{span[0] // 60:02}:{span[0] % 60:02}-{span[1] // 60:02}:{span[1] % 60:02}"


@given(week=_week, name=st.sampled_from(sorted(_AROUND)), half=st.sampled_from((0, 1)), more_ms=st.integers(0, _DAY_MS))
def test_intervals_are_those_of_a_clock_looked_at_every_minute(
    week: dict[str, list[tuple[int, int]]], name: str, half: int, more_ms: int
) -> None:
    window = "; ".join(f"{day} {', '.join(map(written, spans))}" for day, spans in week.items())
    from_ms = ms(f"{_AROUND[name][half]}T00:00Z") + more_ms
    until_ms = from_ms + 2 * _DAY_MS
    there, first = ZoneInfo(name), from_ms - from_ms % _MINUTE_MS + _MINUTE_MS
    start = datetime.fromtimestamp(first / 1000, UTC)
    found = open_intervals(parse_window(window), there, from_ms, until_ms)

    def shows_open(shown: datetime) -> bool:
        today, minute = _DAYS[shown.weekday()], shown.hour * 60 + shown.minute
        yesterday = _DAYS[shown.weekday() - 1]
        return any(a <= minute < b if a < b else minute >= a for a, b in week.get(today, ())) or any(
            b < a and minute < b for a, b in week.get(yesterday, ())
        )

    moments = [first + n * _MINUTE_MS for n in range(2 * 1440 - 1)]
    by_the_clock = [shows_open((start + timedelta(minutes=n)).astimezone(there)) for n in range(len(moments))]
    inside = set[int]()
    for opens, closes in found:
        inside |= set(range(-(-opens // _MINUTE_MS) * _MINUTE_MS, closes, _MINUTE_MS))
    assert [moment in inside for moment in moments] == by_the_clock
    ends = [end for interval in found for end in interval]
    assert ends == sorted(set(ends)), "in order, and never touching"
    assert all(end % _MINUTE_MS == 0 or end in (from_ms, until_ms) for end in ends)


@given(week=_week, length_ms=st.integers(1, _DAY_MS), name=st.sampled_from(["Etc/GMT+12", "Pacific/Kiritimati", "UTC"]))
def test_what_opens_in_some_zone_opens_anywhere(
    week: dict[str, list[tuple[int, int]]], length_ms: int, name: str
) -> None:
    window = parse_window("; ".join(f"{day} {', '.join(map(written, spans))}" for day, spans in week.items()))
    from_ms = ms("2026-07-01T00:00Z")
    if open_intervals(window, ZoneInfo(name), from_ms, from_ms + length_ms):
        assert opens_anywhere(window, from_ms, from_ms + length_ms)


def test_window_of_another_day_does_not_open_anywhere() -> None:  # 2026-07-01 is a Wednesday
    begins, ends = ms("2026-07-01T12:00Z"), ms("2026-07-01T13:00Z")
    assert not opens_anywhere(parse_window("Sat 10:00-14:00"), begins, ends)
    assert opens_anywhere(parse_window("Wed 23:00-24:00"), begins, ends)


@pytest.mark.parametrize("text", [" 9:00 - 24:00 ", "09:00-24:00", "09:00\N{EN DASH}24:00", "Mon-Sun 09:00-24:00"])
def test_blanks_and_the_end_of_the_day_may_be_written(text: str) -> None:
    assert parse_window(text) == SendWindow(tuple((day * 1440 + 540, day * 1440 + 1440) for day in range(7)))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9-17", "'9-17' is not a span of the day"),
        ("09:00", "'09:00' is not a span of the day"),
        ("24:00-09:00", "is not a span of the day"),
        ("09:00-25:00", "is not a span of the day"),
        ("09:60-10:00", "is not a span of the day"),
        ("09:00-09:00", "ends where it begins; the whole day is 00:00-24:00"),
        ("x", "'x' names no hours"),
        ("Mon", "'Mon' names no hours"),
        ("09:00-12:00,", "'' is not a span of the day"),
        ("Mon 09:00-12:00;", "'' names no hours"),
        ("Mo-Fr 09:00-12:00", "'Mo-Fr' is neither a day"),
        ("Mon-Tue-Fri 09:00-12:00", "'Mon-Tue-Fri' is neither a day"),
        ("Mon Fri 09:00-12:00", "'Mon Fri' is neither a day"),
        ("09:00-21:00; Sat 10:00-14:00", "'09:00-21:00' does not say on which days"),
        ("Mon-Fri 09:00-21:00; Fri 09:00-14:00", "Friday stands there twice: name all its hours in one place"),
        ("Mon 09:00-21:00, Tue 10:00-14:00", "'Tue 10:00-14:00' is not a span of the day"),
        (", ".join(["09:00-10:00"] * 13), "has more than 12 spans"),
    ],
)
def test_malformed_window_says_what_is_wrong_and_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="write for example 09:00-21:00 or Mon-Fri") as caught:
        parse_window(text)
    assert problem in str(caught.value)


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"'9-12' is not a span.*'Mo' is neither a day.*'25:00-26:00' is not a span"):
        parse_window("Tue 9-12; Mo 25:00-26:00")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        spans = parse_window(text).spans
    except ValueError:
        return
    assert all(0 <= opens < closes <= 7 * 1440 for opens, closes in spans)


@pytest.mark.parametrize("name", ["Mars/Base", "../etc/passwd", "Asia", "\0", "zone.tab"])
def test_unknown_time_zone_says_what_to_write(name: str) -> None:
    assert zone_named(name) is None
    with pytest.raises(ValueError, match="write for example Asia/Bangkok"):
        zone(name)


@pytest.mark.parametrize("name", [None, "", "  ", " UTC "])
def test_page_without_a_zone_is_in_utc(name: str | None) -> None:
    assert zone(name) == ZoneInfo("UTC")
