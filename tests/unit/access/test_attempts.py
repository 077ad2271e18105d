"""How long the next attempt waits, and how often anything may be done."""

from __future__ import annotations

import pytest

from ops.access.allowance import MOST, Allowance
from ops.access.attempts import network, wait_s


@pytest.mark.parametrize(
    ("kind", "attempts", "waits_s"),
    [
        ("name", 0, 0),
        ("name", 4, 0),
        ("name", 5, 1),
        ("name", 6, 2),
        ("name", 10, 32),
        ("name", 11, 60),
        ("name", 1_000_000, 60),
        ("address", 9, 0),
        ("address", 10, 1),
        ("address", 19, 512),
        ("address", 20, 900),
    ],
)
def test_each_attempt_after_the_free_ones_waits_twice_as_long(kind: str, attempts: int, waits_s: int) -> None:
    assert wait_s(kind, (attempts, 1000.0), 1000.0) == waits_s
    assert wait_s(kind, (attempts, 1000.0), 1000.0 + waits_s) == 0


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(address: str, client: str) -> None:
    assert network(address) == client


def test_an_allowance_is_some_at_once_and_then_one_at_a_time() -> None:
    allowance = Allowance(3, 10.0)
    for _ in range(3):
        assert allowance.wait_s("a", 0.0) == 0
        allowance.spend("a", 0.0)
    assert allowance.wait_s("a", 0.0) == 10
    assert allowance.wait_s("b", 0.0) == 0
    assert allowance.wait_s("a", 10.0) == 0
    allowance.spend("a", 10.0)
    assert allowance.wait_s("a", 10.0) == 10
    assert allowance.wait_s("a", 1000.0) == 0


def test_an_allowance_remembers_a_bounded_number_of_names() -> None:
    allowance = Allowance(1, 1000.0)
    for number in range(MOST + 1):
        allowance.spend(str(number), 0.0)
    assert allowance.wait_s("0", 0.0) == 0
    assert allowance.wait_s("1", 0.0) == 1000
