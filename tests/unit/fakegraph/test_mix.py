"""Drawing answers and latencies: exact rates, names, seeds."""

from random import Random
from statistics import quantiles

import pytest

from ops.fakegraph.answer_texts import Scope, load_catalogue
from ops.fakegraph.mix import BATCH, MEMBER, SINGLE, USUAL_FAILURES, ErrorMix, Latency, drawable
from ops.fakegraph.options import FakeGraphOptions, FakeGraphUsageError, parse_rates

CATALOGUE = load_catalogue()


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a test's dice


class Steps(Random):
    """Goes evenly through 0 to 1, so that rates come out exactly."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._values = iter([(step + 0.5) / count for step in range(count)])

    def random(self) -> float:
        return next(self._values)


def counts(mix: ErrorMix, scopes: frozenset[Scope], draws: int) -> dict[str, int]:
    result: dict[str, int] = {}
    for _ in range(draws):
        answer = mix.draw(scopes)
        if answer is not None:
            result[answer.name] = result.get(answer.name, 0) + 1
    return result


def test_every_error_comes_at_its_rate() -> None:
    rates = {"window_closed_2018278": 0.02, "html_502": 0.001, "null_member": 0.1, "batch_rejected_too_many": 0.5}
    expected = {
        SINGLE: {"window_closed_2018278": 20, "html_502": 1},
        MEMBER: {"window_closed_2018278": 20, "null_member": 100},
        BATCH: {"html_502": 1, "batch_rejected_too_many": 500},
    }
    for scopes, answers in expected.items():
        assert counts(ErrorMix(CATALOGUE, rates, 0.0, Steps(1000)), scopes, 1000) == answers


def test_a_failure_rate_is_spread_over_recipient_errors() -> None:
    drawn = counts(ErrorMix(CATALOGUE, {}, 0.1, Steps(1000)), SINGLE, 1000)
    assert drawn == {name: round(share * 100) for name, share in USUAL_FAILURES.items()}


def test_answers_asked_for_come_first_and_in_order() -> None:
    mix = ErrorMix(CATALOGUE, {"html_502": 1.0}, 0.0, dice(1))
    mix.upcoming.extend(drawable(CATALOGUE, ["rate_613_plain", "send_ok"]))
    assert [answer.name for _ in range(3) if (answer := mix.draw(SINGLE))] == ["rate_613_plain", "send_ok", "html_502"]


def test_an_unknown_name_is_refused_with_the_names_that_exist() -> None:
    with pytest.raises(FakeGraphUsageError, match=r"no answer is named windy; there are: .*window_closed_2018278"):
        ErrorMix(CATALOGUE, {"windy": 0.1}, 0.0, dice(1))


@pytest.mark.parametrize("name", ["fault_refuse_connection", "batch_null_members"])
def test_what_cannot_be_drawn_is_refused(name: str) -> None:
    with pytest.raises(FakeGraphUsageError, match=name):
        ErrorMix(CATALOGUE, {name: 0.1}, 0.0, dice(1))


@pytest.mark.parametrize(
    ("rates", "failure_rate"),
    [({"html_502": 0.6}, 0.6), ({"html_502": -0.1}, 0.0), ({}, 1.1), ({"html_502": float("nan")}, 0.0)],
)
def test_impossible_rates_are_refused(rates: dict[str, float], failure_rate: float) -> None:
    with pytest.raises(FakeGraphUsageError, match="0 to 1"):
        ErrorMix(CATALOGUE, rates, failure_rate, dice(1))


def test_latency_goes_through_its_median_and_its_99th_percentile() -> None:
    latency = Latency(500.0, 3000.0, dice(7))
    percentiles = quantiles((latency.draw_s() for _ in range(20_000)), n=100)
    assert percentiles[49] == pytest.approx(0.5, rel=0.05)
    assert percentiles[98] == pytest.approx(3.0, rel=0.1)


def test_latency_without_a_percentile_is_constant() -> None:
    assert Latency(300.0, None, dice(1)).draw_s() == 0.3


def test_the_same_seed_gives_the_same_latencies() -> None:
    first, second = (Latency(500.0, 3000.0, dice(3)) for _ in range(2))
    assert [first.draw_s() for _ in range(5)] == [second.draw_s() for _ in range(5)]


@pytest.mark.parametrize(("median_ms", "p99_ms"), [(-1.0, None), (500.0, 400.0), (0.0, 10.0)])
def test_impossible_latencies_are_refused(median_ms: float, p99_ms: float | None) -> None:
    with pytest.raises(FakeGraphUsageError, match="latency"):
        Latency(median_ms, p99_ms, dice(1))


def test_rates_are_read_from_one_text() -> None:
    assert parse_rates("html_502=0.001, window_closed_2018278=2e-2,") == {
        "html_502": 0.001,
        "window_closed_2018278": 0.02,
    }


@pytest.mark.parametrize("text", ["html_502", "html_502=", "html_502=much"])
def test_a_rate_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(FakeGraphUsageError, match="name=rate"):
        parse_rates(text)


def test_a_page_limit_of_nothing_is_refused() -> None:
    with pytest.raises(FakeGraphUsageError, match="page limit"):
        FakeGraphOptions(page_limit=0)
