"""What a sender counts of each second: exact sums, bounded parts, nothing told twice or written over."""

from __future__ import annotations

from schema.seconds import BUSIEST, Counts, Seconds, commands, decode_counts, decode_parts


class Clock:
    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def __call__(self) -> int:
        return round(self.at_s * 1e6)


def told(seconds: Seconds) -> list[tuple[int, dict[str, int]]]:
    return [(second.at_s, decode_counts(second.counts).ended) for second in seconds.untold()]


def test_a_second_is_told_when_it_is_over_and_until_it_is_known_to_be_there() -> None:
    clock = Clock(100.2)
    seconds = Seconds(clock)
    seconds.count("r", "1", "sent", "", 30.0)
    seconds.count("r", "1", "failed", "bad_payload", 99.9)
    assert seconds.untold() == ()
    clock.at_s = 101.0
    first = seconds.untold()
    assert told(seconds) == [(100, {"sent": 1, "failed/bad_payload": 1})]
    assert decode_counts(first[0].counts).latencies == {1: 1, 4: 1}
    clock.at_s = 103.5
    seconds.told(first)
    assert told(seconds) == [(101, {}), (102, {})]


def test_a_quiet_second_is_told_without_parts() -> None:
    clock = Clock(100)
    seconds = Seconds(clock)
    seconds.untold()
    clock.at_s = 101
    [second] = seconds.untold()
    assert second.parts is None
    assert [command[0] for command in commands(second)] == ["HSET", "EXPIRE"]


def test_the_busiest_pages_and_runs_are_told_apart_and_the_rest_is_in_the_sum() -> None:
    clock = Clock(100)
    seconds = Seconds(clock)
    for page in range(BUSIEST + 10):
        for _ in range(1 + (page >= 10)):
            seconds.count(f"run-{page % 3}", str(page), "sent", "", None)
    clock.at_s = 101
    [second] = seconds.untold()
    assert second.parts is not None
    parts = decode_parts(second.parts)
    assert set(parts.pages) == {str(page) for page in range(10, BUSIEST + 10)}
    assert (parts.more_pages, parts.more_runs) == (True, False)
    assert sum(counts.attempts for counts in parts.runs.values()) == decode_counts(second.counts).attempts


def test_while_nothing_can_be_told_the_oldest_seconds_are_given_up() -> None:
    clock = Clock(100)
    seconds = Seconds(clock)
    for at_s in range(100, 200):
        clock.at_s = at_s
        seconds.count("r", "1", "sent", "", None)
    clock.at_s = 5000
    assert [second.at_s for second in seconds.untold()] == list(range(4940, 5000))


def test_a_clock_that_goes_back_writes_nothing_over() -> None:
    clock = Clock(100)
    seconds = Seconds(clock)
    seconds.count("r", "1", "sent", "", None)
    clock.at_s = 101
    before = seconds.untold()
    seconds.told(before)
    clock.at_s = 100
    seconds.count("r", "1", "failed", "", None)
    clock.at_s = 102
    again = [second for second in seconds.untold() if second.at_s == 100]
    assert [decode_counts(second.counts).ended for second in again] == [{"failed": 1}]
    assert again[0].writer != before[0].writer


def test_at_the_end_the_second_that_is_not_over_is_told_too() -> None:
    clock = Clock(100.5)
    seconds = Seconds(clock)
    seconds.count("r", "1", "sent", "", None)
    assert [(second.at_s, decode_counts(second.counts)) for second in seconds.untold(at_the_end=True)] == [
        (100, Counts({"sent": 1}, {}))
    ]
