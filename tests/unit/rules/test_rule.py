"""A rule as the queue's scripts get it."""

from __future__ import annotations

import msgspec

from sender.rules.rule import Rule, pack

PAUSE = Rule(name="slow", scope="page", action="pause", in_a_row=10, for_ms=2_000, longest_ms=60_000)
PACE = Rule(name="slower", scope="app", action="pace", count=3, of=50, share=0.5, factor=0.7)


def test_packed_rules_are_lists_of_ten() -> None:
    assert msgspec.msgpack.decode(pack([PAUSE, PACE])) == [
        ["slow", "page", "pause", 0, 0, 0.0, 10, 2_000, 60_000, 1.0],
        ["slower", "app", "pace", 3, 50, 0.5, 0, 0, 0, 0.7],
    ]
    assert msgspec.msgpack.decode(pack([])) == []


def test_a_rule_without_a_count_acts_at_once() -> None:
    assert not PAUSE.at_once
    assert not PACE.at_once
    assert Rule(name="now", scope="run", action="brake").at_once
