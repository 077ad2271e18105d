"""Pacing and logging of outages, on a clock of our own."""

from __future__ import annotations

from structlog.testing import capture_logs

from schema.runtime.outage import Outage


def events(steps: list[tuple[str, float]]) -> list[str]:
    outage = Outage("part")
    with capture_logs() as logs:
        for step, now_s in steps:
            if step == "failed":
                outage.failed(OSError("away"), now_s)
            else:
                outage.recovered(now_s)
    return [line["event"] for line in logs]


def test_an_outage_is_logged_once_at_its_beginning_and_once_at_its_end() -> None:
    assert events([("failed", 0), ("failed", 1), ("failed", 50), ("back", 60), ("back", 61)]) == [
        "part_unreachable",
        "part_back",
    ]


def test_a_part_that_comes_and_goes_is_logged_once_in_a_while() -> None:
    flapping = [(step, n / 10) for n in range(0, 100, 2) for step in ("failed", "back")]
    assert events(flapping) == ["part_unreachable", "part_back"]
    assert events([*flapping, ("failed", 10.0), ("back", 10.1)]) == ["part_unreachable", "part_back"] * 2


def test_an_outage_that_began_quietly_is_logged_when_it_lasts() -> None:
    assert (
        events([("failed", 0), ("back", 1), ("failed", 2), ("failed", 11), ("back", 12)])
        == [
            "part_unreachable",
            "part_back",
        ]
        * 2
    )


def test_the_wait_grows_up_to_its_longest() -> None:
    outage = Outage("part", first_s=1.0, longest_s=4.0)
    waits = [outage.failed(OSError(), 0.0) for _ in range(10)]
    assert all(most / 2 <= wait <= most for wait, most in zip(waits, [1, 2, 4, 4, 4, 4, 4, 4, 4, 4], strict=True))
    outage.recovered(1.0)
    assert outage.failed(OSError(), 2.0) <= 1.0  # small again
