"""What a page is said to do, in which order pages come, and how long an order is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.board.answers import AppPause
from ops.board.pages import page_orders
from ops.board.pages.page_answers import STATES
from ops.board.pages.page_orders import Order, Orders, Wanted, ordered, place, wanted
from ops.board.suppressions import BadFilter
from schema.event import at_us
from tests.unit.board.pages.pages_seen import NOW_US, logged, look, page, pages

LATER_MS = NOW_US // 1000 + 60_000
PAUSED = AppPause(paused_until=at_us(NOW_US + 1), reason="by hand", by_hand=True)


@pytest.mark.parametrize(
    ("found", "left", "state", "may_go"),
    [
        (look("1"), 0, "idle", 0),
        (look("1", waiting=5), 7, "sending", 5),
        (look("1"), 7, "waiting", 0),
        (look("1", waiting=5, text_now=10, pace="0.2"), 7, "throttled", 5),
        (look("1", waiting=5, paused_until_ms=LATER_MS), 7, "paused", 0),
        (look("1", waiting=5, paused_until_ms=1, probe="due"), 7, "sending", 5),
        (look("1", waiting=5, breaker="half_open", paused_until_ms=LATER_MS), 7, "breaker", 0),
    ],
)
def test_the_worst_that_is_true_of_a_page_is_its_state(found: object, left: int, state: str, may_go: int) -> None:
    seen = page(found, left)  # type: ignore[arg-type]  # of the table
    assert (seen.state, seen.may_go, seen.backlog) == (state, may_go, left)


def test_a_filter_by_state_finds_every_page_of_which_it_is_true() -> None:
    of_both: dict[str, Any] = {"breaker": "open", "paused_until_ms": LATER_MS, "pace": "0.2"}
    seen = pages(
        page(look("both", waiting=5, text_now=10, **of_both), 5),
        page(look("paused", paused_until_ms=LATER_MS)),
        page(look("slowed", waiting=5, text_now=10, pace="0.2"), 5),
        page(look("idle")),
    )
    assert seen.pages["both"].state == "breaker"
    found = {state: set(ordered(seen, Wanted(state=state)).page_ids) for state in STATES}
    assert found == {
        "breaker": {"both"},
        "paused": {"both", "paused"},
        "throttled": {"both", "slowed"},
        "sending": {"slowed"},
        "waiting": {"both"},
        "idle": {"paused", "idle"},
        "unknown": set(),
    }
    assert ordered(seen, Wanted()).states == {state: len(ids) for state, ids in found.items()}


def test_what_only_the_log_knows_is_shown_and_not_acted_on() -> None:
    sends, over, lost = page(look("1", waiting=5), 5), logged("2", name="Over"), logged("3", name="Lost", runs=2)
    seen = pages(over, lost, sends)
    everything = ordered(seen, Wanted())
    assert (everything.page_ids, everything.steerable) == (["3", "1", "2"], 1)
    assert (everything.states["unknown"], everything.states["idle"]) == (2, 0)
    assert ordered(seen, Wanted(state="unknown", search="lost")).page_ids == ["3"]
    acted_on = ordered(seen, Wanted(steerable=True))
    assert (acted_on.page_ids, acted_on.steerable) == (["1"], 1)


def test_nothing_may_go_while_everything_is_paused() -> None:
    assert page(look("1", waiting=5), 7, PAUSED).may_go == 0


def test_an_order_is_kept_while_it_is_used_and_found_by_nobody_who_wants_another() -> None:
    now = 0.0
    orders, want = Orders(lambda: now), Wanted(search="a")
    name = orders.keep(Order(want, ["1", "2"], {}))
    for _ in range(5):
        now += page_orders.KEPT_FOR_S - 1
        assert orders.find(name, want).page_ids == ["1", "2"]
    with pytest.raises(BadFilter, match="another search"):
        orders.find(name, Wanted(search="b"))
    with pytest.raises(BadFilter, match="another search"):
        orders.find(name, Wanted(search="a", only=frozenset({"1"})))
    now += page_orders.KEPT_FOR_S + 1
    with pytest.raises(BadFilter, match="no longer kept"):
        orders.find(name, want)


def test_who_asks_for_the_same_at_once_shares_an_order_and_later_gets_a_new_one() -> None:
    now = 0.0
    orders, order = Orders(lambda: now), Order(Wanted(), ["1"], {})
    first = orders.keep(order)
    assert orders.keep(order) == first
    now += page_orders.SAME_FOR_S
    orders.find(first, Wanted())
    assert orders.keep(order) != first


def test_the_orders_used_longest_ago_are_forgotten_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_orders, "MOST_IDS", 5)
    orders = Orders(lambda: 0.0)
    names = [orders.keep(Order(Wanted(search=str(n)), ["1", "2"], {})) for n in range(2)]
    orders.find(names[0], Wanted(search="0"))
    orders.keep(Order(Wanted(search="2"), ["1", "2"], {}))
    assert orders.find(names[0], Wanted(search="0")).page_ids == ["1", "2"]
    with pytest.raises(BadFilter):
        orders.find(names[1], Wanted(search="1"))


def test_only_pages_that_somebody_may_see_are_found_and_counted() -> None:
    seen = pages(page(look("1", name="Ana")), page(look("2", name="Ana"), 5))
    order = ordered(seen, wanted("ANA", None, None, frozenset({"2"})))
    assert (order.page_ids, order.states["waiting"], order.states["idle"]) == (["2"], 1, 0)


@given(st.text())
def test_a_place_is_read_or_refused(text: str) -> None:
    try:
        name, start = place(text)
    except BadFilter:
        return
    assert name
    assert start >= 0
