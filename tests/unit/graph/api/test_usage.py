"""What the usage headers say."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.graph.api.usage import LONGEST_REGAIN_S, LONGEST_RETRY_AFTER_S, Usage, read_usage
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
        ("send_ok", Usage(percent=1)),
        ("send_ok_no_usage_headers", None),
        ("send_ok_usage_82_percent", Usage(percent=82)),
        ("send_ok_usage_100_percent_regain_19_min", Usage(percent=100, regain_s=19 * 60)),
        ("rate_613_regain_10_min", Usage(percent=100, regain_s=600)),
        ("rate_80001_pages", Usage(percent=103, regain_s=720)),
        ("rate_4_app", Usage(percent=101)),
        ("rate_http_429_with_retry_after", Usage(retry_after_s=30)),
    ],
)
def test_collected_headers(name: str, usage: Usage | None) -> None:
    assert read_usage(headers_of(RECORDS[name])) == usage


def test_the_worst_of_all_pools_and_counters_counts() -> None:
    business = {"1": [_pool(1, 2, 3, 4), _pool(5, 91, 7, 2)], "2": [_pool(0, 0, 0, 9)]}
    found = {BUSINESS: json.dumps(business), APP: json.dumps(_pool(90)), PAGE: json.dumps(_pool(0, 0, 92))}
    assert read_usage(headers(found)) == Usage(percent=92, regain_s=540)


@pytest.mark.parametrize("rubbish", ["", "x", "[]", '{"1":[{"call_count":"9"}]}', "null", "[" * 100_000, '{"1":'])
def test_a_malformed_header_is_passed_over_and_the_others_count(rubbish: str) -> None:
    assert read_usage(headers({BUSINESS: rubbish, APP: '{"call_count":12}'})) == Usage(percent=12)
    assert read_usage(headers({BUSINESS: json.dumps({"1": [_pool(8)]}), APP: rubbish, PAGE: rubbish})) == Usage(
        percent=8
    )


def test_absurd_times_are_capped() -> None:
    business = json.dumps({"1": [_pool(100, regain_min=1e300)]})
    usage = read_usage(headers({BUSINESS: business, "retry-after": "9" * 5000}))
    assert usage == Usage(percent=100, regain_s=LONGEST_REGAIN_S, retry_after_s=LONGEST_RETRY_AFTER_S)


@pytest.mark.parametrize("text", ["", "-5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "\u00b2"])
def test_a_retry_after_in_another_form_says_nothing(text: str) -> None:
    assert read_usage(headers({"retry-after": text})) == Usage()


@given(st.binary(), st.binary(), st.binary())
def test_no_header_raises(business: bytes, app: bytes, retry_after: bytes) -> None:
    found = {BUSINESS.encode(): business, APP.encode(): app, b"retry-after": retry_after}
    usage = read_usage(found.get)
    assert usage is not None
    assert usage.percent >= 0
    assert 0 <= usage.regain_s <= LONGEST_REGAIN_S
