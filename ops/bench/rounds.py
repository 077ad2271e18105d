"""Pairing: each round measures all cases, so that what others do to the machine meets them alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

C = TypeVar("C")
F = TypeVar("F")


async def paired(cases: Sequence[C], rounds: int, measure: Callable[[C], Awaitable[F]]) -> list[list[F]]:
    """Return what `measure` found for each case, a list over the rounds; every second round goes backwards."""
    found: list[list[F]] = [[] for _ in cases]
    order = list(range(len(cases)))
    for _ in range(rounds):
        for index in order:
            found[index].append(await measure(cases[index]))
        order.reverse()
    return found
