"""What an order of service says about fairness."""

from __future__ import annotations

from ops.bench.shares import Served, judge

JOBS = {"big": 1000, "a": 50, "b": 100}


def served(*order: tuple[str, int]) -> Served:
    left, found = dict(JOBS), Served("big")
    for second, (page, jobs) in enumerate(order):
        left[page] -= jobs
        found.add(page, jobs, float(second), ended=not left[page])
    return found


def test_pages_served_in_turn_are_ideal() -> None:
    turns = [(page, 10) for _ in range(5) for page in ("big", "b", "a")]
    figures = judge(served(*turns, *[(page, 10) for _ in range(5) for page in ("big", "b")]), JOBS)
    assert (figures.worst, figures.share, figures.ideal_share) == (1.0, 0.3333, 0.3333)
    assert (figures.first_done_s, figures.last_done_s) == (14.0, 24.0)
    assert figures.done_s == {"a": 14.0, "b": 24.0}


def test_a_page_served_twice_as_often_takes_from_the_others() -> None:
    turns = [(page, 10) for _ in range(5) for page in ("big", "big", "b", "a")]
    figures = judge(served(*turns, *[(page, 10) for _ in range(5) for page in ("big", "big", "b")]), JOBS)
    assert (figures.worst, figures.share) == (1.4, 0.5)
    assert set(figures.shares) == {f"{n}/10" for n in range(1, 11)}
    assert sum(figures.shares.values()) / 10 == 0.5


def test_shares_show_when_a_page_was_put_first() -> None:
    figures = judge(served(("big", 50), *[("b", 10)] * 5, ("a", 50), *[("b", 10)] * 5), JOBS)
    assert (figures.shares["1/10"], figures.shares["10/10"]) == (3.3333, 0.0)
    assert figures.share == 0.3333
