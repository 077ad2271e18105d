"""What the shipped table says of answers."""

from __future__ import annotations

import pytest

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer
from sender.graph.api.usage import Usage
from tests.unit.rules.tables import COOLDOWN_MS, LOST, SENT, THRESHOLD, names, refused, sent, shipped

UNREADABLE = {"unreadable-answers", "unreadable-answers-of-a-page"}
PAGE_LIMIT = {"page-limit-pause", "page-limit-pace"}
NEAR, FAR = Usage(page_percent=90), Usage(page_percent=89.9)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (SENT, set()),
        (LOST, UNREADABLE),
        (refused(1, 1357046), UNREADABLE),
        (refused(1), set()),
        (refused(987654), set()),
        (refused(10, 2018278), set()),
        (refused(368, 1346003), {"content-reported"}),
        (refused(1346003), {"content-reported"}),
        (refused(368), {"against-policy"}),
        (refused(613, 2018338), {"against-policy"}),
        (refused(10, 1893063), {"against-policy"}),
        (refused(100, None, "(#100) Param message[text]"), {"same-payload-error"}),
        (refused(551), {"recipients-gone"}),
        (refused(613), {"throttled-pace", "throttled-pause"}),
        (refused(613, 2534040), {"throttled-pace", "throttled-pause"}),
        (refused(613, usage=FAR), {"throttled-pace", "throttled-pause", "page-usage-85", "page-usage-70"}),
        (refused(613, usage=NEAR), {"throttled-at-the-limit", "page-usage-85", "page-usage-70"}),
        (refused(613, 1893016), set()),
        *((refused(code), PAGE_LIMIT) for code in (17, 32, 80001, 80006, 2300078)),
        *((refused(code), {"app-limit-pause", "app-limit-pace"}) for code in (4, 341)),
        *((refused(190, dead), {"dead-token", "page-not-authorised"}) for dead in (458, 460, 463, 464, 467, 492)),
        *((refused(190, subcode), {"page-not-authorised"}) for subcode in (None, 459)),
        *((refused(code), {"page-not-authorised"}) for code in (102, 10, 230)),
        (refused(100, 33), {"page-not-authorised"}),
        (refused(3), {"app-not-authorised"}),
        (refused(100, None, "appsecret_proof"), {"app-not-authorised"}),
    ],
)
def test_an_answer_fits_these_rules(answer: Answer, found: set[str]) -> None:
    assert names(shipped(), answer) == found


@pytest.mark.parametrize("pool", ["page", "app"])
@pytest.mark.parametrize(
    ("percent", "levels"),
    [
        (69.9, set()),
        (70, {"70"}),
        (84.9, {"70"}),
        (85, {"70", "85"}),
        (95, {"70", "95"}),
        (99.9, {"70", "95"}),
        (100, {"70", "95", "100"}),
        (107, {"70", "95", "100"}),
    ],
)
def test_the_usage_of_each_pool_acts_on_its_own_scope(pool: str, percent: float, levels: set[str]) -> None:
    answer = sent(page=percent) if pool == "page" else sent(app=percent)
    assert names(shipped(), answer) == {f"{pool}-usage-{level}" for level in levels}
    assert {rule.scope for rule in shipped().matching(answer)} <= {pool}


def test_one_plain_613_delays_the_person_alone() -> None:
    rule = shipped().for_recipient(refused(613))
    assert rule is not None
    assert (rule.name, rule.action, rule.for_ms, rule.longest_ms) == ("throttled-person", "delay", 2_000, 60_000)
    assert shipped().for_recipient(refused(613, usage=NEAR)) is None
    for answer in (SENT, LOST, refused(80006), refused(551), refused(190), refused(1)):
        assert shipped().for_recipient(answer) is None


def test_thresholds_and_cool_downs_are_those_of_the_settings() -> None:
    for name in ("page-not-authorised", "app-not-authorised"):
        rule = shipped().named(name)
        assert rule is not None
        assert (rule.in_a_row, rule.for_ms, rule.longest_ms) == (THRESHOLD, COOLDOWN_MS, 3_600_000)
    dead = shipped().named("dead-token")
    assert dead is not None
    assert (dead.at_once, dead.for_ms) == (True, COOLDOWN_MS)


def test_every_shipped_rule_has_a_source_and_acts_on_something() -> None:
    for rule in shipped().rules:
        assert rule.source[0].isdigit(), rule.name
        assert rule.error_class in {*ErrorClass, None}
        assert rule.at_once or rule.in_a_row or rule.count <= rule.of
