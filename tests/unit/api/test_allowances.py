"""How many requests a client may make, and when again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.api.door import allowances
from ops.api.door.allowances import BURST_S, Allowances, client_name

PER_S = 10.0
BURST = int(PER_S * BURST_S)


def taken(of: Allowances, client: str, now_s: float, *, tries: int = 2 * BURST) -> int:
    return sum(not of.take(client, now_s) for _ in range(tries))


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    found = Allowances(PER_S)
    assert taken(found, "a", 100.0) == BURST
    assert found.take("a", 100.0) == pytest.approx(1 / PER_S)
    assert taken(found, "a", 101.0) == PER_S
    assert taken(found, "a", 1000.0) == BURST


def test_clients_do_not_share() -> None:
    found = Allowances(PER_S)
    taken(found, "a", 0.0)
    assert taken(found, "b", 0.0) == BURST


def test_what_is_dear_costs_more_and_nobody_waits_for_ever() -> None:
    found = Allowances(PER_S)
    found.charge("a", 40, 0.0)
    assert taken(found, "a", 0.0) == BURST - 40
    found.charge("a", 1e9, 0.0)
    assert found.take("a", 0.0) <= BURST_S + 1


def test_nothing_is_counted_without_a_rate() -> None:
    found = Allowances(0)
    found.charge("a", 1e9, 0.0)
    assert taken(found, "a", 0.0) == 2 * BURST


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5)), max_size=200))
def test_no_client_gets_more_than_its_burst_and_its_rate(steps: list[tuple[int, float]]) -> None:
    found, now_s, got = Allowances(PER_S), 0.0, [0, 0, 0, 0]
    for client, later_s in steps:
        now_s += later_s
        got[client] += not found.take(str(client), now_s)
    assert max(got) <= BURST + PER_S * now_s + 1


def test_many_clients_take_bounded_room_and_newcomers_are_then_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "MOST_CLIENTS", 10)
    found = Allowances(PER_S)
    for n in range(1000):
        found.take(str(n), 0.0)
    assert len(found._used_up_to) <= 11
    assert found.take("new", 0.0) > 0  # with all the others that came too late
    assert not found.take("3", 0.0)
    assert not found.take("new", 1e6)
    assert taken(found, "newer", 1e6) >= BURST - 1


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_network_of_ipv6_is_one_client(address: str, name: str) -> None:
    assert client_name(address) == name
