"""Pairing of cases."""

from __future__ import annotations

from ops.bench.rounds import paired


async def test_every_round_measures_all_cases_and_every_second_one_backwards() -> None:
    order: list[str] = []

    async def measure(case: str) -> int:
        order.append(case)
        return len(order)

    found = await paired(["a", "b", "c"], 3, measure)
    assert order == ["a", "b", "c", "c", "b", "a", "a", "b", "c"]
    assert found == [[1, 6, 7], [2, 5, 8], [3, 4, 9]]
