"""What is hastened in an alert, and what is left as it is."""

from __future__ import annotations

import re

import pytest

from tests.faults.alerts.hastened import duration, expression, hastened
from tests.unit.deploy.files import DEPLOY, read_yaml

SHIPPED = read_yaml(DEPLOY / "prometheus" / "newar.rules.yml")
_NUMBER = re.compile(r"(?<![\w.])\d[\d.]*\w*")


@pytest.mark.parametrize(
    ("shipped", "quick"),
    [
        ("up == 0", "up == 0"),
        ("newar_queue_oldest_claimable_age_seconds > 120", "newar_queue_oldest_claimable_age_seconds > 0.5"),
        ("max(newar_x_seconds) > 60", "max(newar_x_seconds) > 0.25"),
        ("newar_outbox_events > 24000", "newar_outbox_events > 100"),
        ("sum(increase(newar_x_total[1h])) > 0", "sum(increase(newar_x_total[15000ms])) > 0"),
        ("rate(newar_x_total[10m]) > 10", "rate(newar_x_total[2500ms]) > 10"),
        ("last_over_time(newar_x_seconds[15m]) < 900", "last_over_time(newar_x_seconds[3750ms]) < 3.75"),
        ("max(newar_redis_used_share) > 0.97", "max(newar_redis_used_share) > 0.97"),
        ('newar_processes{service="a1"} == 1', 'newar_processes{service="a1"} == 1'),
        ("newar_ingest_events_missing_total > 120", "newar_ingest_events_missing_total > 120"),
    ],
)
def test_times_are_divided_and_nothing_else(shipped: str, quick: str) -> None:
    assert expression(shipped) == quick


@pytest.mark.parametrize(
    ("shipped", "quick"), [("2m", "500ms"), ("1h", "15000ms"), ("720ms", "3ms"), ("1d", "360000ms")]
)
def test_a_duration_is_divided(shipped: str, quick: str) -> None:
    assert duration(shipped) == quick


def test_a_duration_that_is_not_understood_is_not_passed_by() -> None:
    with pytest.raises(AssertionError, match="one unit"):
        duration("1h30m")


def test_the_shipped_alerts_stay_what_they_are() -> None:
    [was], [now] = SHIPPED["groups"], hastened(SHIPPED)["groups"]
    assert [rule["alert"] for rule in now["rules"]] == [rule["alert"] for rule in was["rules"]]
    for shipped, quick in zip(was["rules"], now["rules"], strict=True):
        assert _NUMBER.sub("N", quick["expr"]) == _NUMBER.sub("N", shipped["expr"])
        assert ("for" in quick) == ("for" in shipped)
        assert {**quick, "expr": "", "for": ""} == {**shipped, "expr": "", "for": ""}
