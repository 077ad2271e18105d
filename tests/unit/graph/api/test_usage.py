"""What the usage headers say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.graph.api.usage import LONGEST_REGAIN_S, LONGEST_RETRY_AFTER_S, MOST_PERCENT, Usage, read_usage
from tests.unit.graph.api.responses import RECORDS, headers, headers_of

BUSINESS, APP, PAGE = "x-business-use-case-usage", "x-app-usage", "x-page-usage"


def _pool(calls: float, cpu: float = 0, time: float = 0, regain_min: float = 0) -> dict[str, float | str]:
    return {
        "type": "messenger",
        "call_count": calls,
        "total_cputime": cpu,
        "total_time": time,
        "estimated_time_to_regain_access": regain_min,
    }


def test_without_headers_nothing_is_known() -> None:
    assert read_usage(headers({"content-type": "application/json"})) is None


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("send_ok", Usage(page_percent=1)),
        ("send_ok_no_usage_headers", None),
        ("send_ok_usage_82_percent", Usage(page_percent=82, app_percent=12)),
        ("send_ok_usage_100_percent_regain_19_min", Usage(page_percent=100, page_regain_s=19 * 60)),
        ("rate_613_regain_10_min", Usage(page_percent=100, page_regain_s=600)),
        ("rate_80001_pages", Usage(page_percent=103, page_regain_s=720)),
        ("rate_4_app", Usage(app_percent=101)),
        ("rate_http_429_with_retry_after", Usage(retry_after_s=30)),
    ],
)
def test_collected_headers(name: str, usage: Usage | None) -> None:
    assert read_usage(headers_of(RECORDS[name])) == usage


def test_the_worst_of_all_pools_and_counters_counts_for_page_and_app() -> None:
    business = {"1": [_pool(1, 2, 3, 4), _pool(5, 91, 7, 2)], "2": [_pool(0, 0, 0, 9)]}
    found = {BUSINESS: json.dumps(business), APP: json.dumps(_pool(0, 0, 97, 1)), PAGE: json.dumps(_pool(0, 0, 92))}
    usage = read_usage(headers(found))
    assert usage == Usage(page_percent=92, app_percent=97, page_regain_s=540, app_regain_s=60)
    assert usage is not None
    assert (usage.percent, usage.regain_s) == (97, 540)


@pytest.mark.parametrize("rubbish", ["", "x", "[]", '{"1":[{"call_count":"x"}]}', "null", "[" * 100_000, '{"1":'])
def test_a_malformed_header_is_counted_and_the_others_count(rubbish: str) -> None:
    business = json.dumps({"1": [_pool(8)]})
    assert read_usage(headers({BUSINESS: rubbish, APP: '{"call_count":12}'})) == Usage(app_percent=12, malformed=1)
    assert read_usage(headers({BUSINESS: rubbish, PAGE: '{"call_count":12}'})) == Usage(page_percent=12, malformed=1)
    if rubbish.startswith('{"1":['):
        rubbish = '{"call_count":"x"}'
    assert read_usage(headers({BUSINESS: business, APP: rubbish, PAGE: rubbish})) == Usage(page_percent=8, malformed=2)


@pytest.mark.parametrize(
    "bad",
    [
        "7",
        "null",
        "[7]",
        '"x"',
        '{"call_count":[]}',
        '{"call_count":true}',
        '{"call_count":-90}',
        '{"call_count":1e999}',
        '{"call_count":123456789}',
        '{"call_count":"NaN"}',
        '{"call_count":"-Infinity"}',
        '{"call_count":"90 %"}',
        '{"estimated_time_to_regain_access":-1}',
    ],
)
def test_one_bad_pool_hides_no_other_pool_and_no_other_counter(bad: str) -> None:
    good = json.dumps(_pool(88, regain_min=3))
    for business in (
        f'{{"1":[{bad},{good}]}}',
        f'{{"1":[{good},{bad}]}}',
        f'{{"1":[{bad}],"2":[{good}]}}',
        f'{{"1":{bad},"2":[{good}]}}',
    ):
        found = headers({BUSINESS: business})
        assert read_usage(found) == Usage(page_percent=88, page_regain_s=180, malformed=1)
    if bad.startswith('{"call'):
        counters = f'{bad[:-1]},"total_time":71,"estimated_time_to_regain_access":2}}'
        assert read_usage(headers({APP: counters})) == Usage(app_percent=71, app_regain_s=120, malformed=1)


def test_numbers_in_quotes_are_numbers_and_null_says_nothing() -> None:
    business = '{"1":[{"call_count":"88","total_time":" 91.5 ","estimated_time_to_regain_access":"19"}]}'
    found = headers({BUSINESS: business, APP: '{"call_count":null,"total_cputime":7}'})
    assert read_usage(found) == Usage(page_percent=91.5, page_regain_s=19 * 60, app_percent=7)


def test_of_two_usages_the_worse_counts_counter_by_counter() -> None:
    page = Usage(page_percent=90, page_regain_s=60, app_percent=1, malformed=1)
    app = Usage(app_percent=80, app_regain_s=5, page_percent=2, retry_after_s=7, malformed=1)
    worse = Usage(page_percent=90, page_regain_s=60, app_percent=80, app_regain_s=5, retry_after_s=7, malformed=2)
    assert page.worse_of(app) == app.worse_of(page) == worse


def test_absurd_times_are_capped() -> None:
    business = json.dumps({"1": [_pool(100, regain_min=1e300)]})
    usage = read_usage(headers({BUSINESS: business, "retry-after": "9" * 5000}))
    assert usage == Usage(page_percent=100, page_regain_s=LONGEST_REGAIN_S, retry_after_s=LONGEST_RETRY_AFTER_S)


@pytest.mark.parametrize("text", ["", "-5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "\u00b2"])
def test_a_retry_after_in_another_form_says_nothing(text: str) -> None:
    assert read_usage(headers({"retry-after": text})) == Usage()


_NUMBERS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.integers(0, 200),
    st.integers(0, 200).map(str),
    st.lists(st.integers(), max_size=2),
)
_POOLS = st.dictionaries(
    st.sampled_from(["type", "call_count", "total_cputime", "total_time", "estimated_time_to_regain_access"]), _NUMBERS
)


def _believable(value: object, most: float) -> float:
    """What an exact reader makes of a counter; 0 for what says nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if 0 <= number <= most else 0.0


@given(st.lists(_POOLS, max_size=4), st.one_of(_POOLS, _NUMBERS))
def test_every_counter_that_can_be_believed_counts_whatever_stands_beside_it(
    pools: list[dict[str, object]], beside: object
) -> None:
    listed = [pool for pool in (*pools, beside) if isinstance(pool, dict)]
    counters = [pool.get(name) for pool in listed for name in ("call_count", "total_cputime", "total_time")]
    usage = read_usage(headers({BUSINESS: json.dumps({"1": [*pools, beside], "2": beside})}))
    assert usage is not None
    if "NaN" not in (text := json.dumps([pools, beside])) and "Infinity" not in text:  # which no JSON is
        assert usage.page_percent == max((_believable(c, MOST_PERCENT) for c in counters), default=0)
    assert (usage.app_percent, usage.app_regain_s) == (0, 0)


@given(st.binary(), st.binary(), st.binary())
def test_no_header_raises(business: bytes, app: bytes, retry_after: bytes) -> None:
    found = {BUSINESS.encode(): business, APP.encode(): app, b"retry-after": retry_after}
    usage = read_usage(found.get)
    assert usage is not None
    assert 0 <= usage.percent <= MOST_PERCENT
    assert 0 <= usage.regain_s <= LONGEST_REGAIN_S
    assert 0 <= usage.malformed <= 2
