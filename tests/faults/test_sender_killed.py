"""Senders are killed exactly here and there: what they had not marked goes out by another, the rest becomes unknown."""

from __future__ import annotations

import trio

from tests.faults.traced_sender import POINTS
from tests.faults.world import TracedSender, World

RECIPIENTS = 1200
CLOCK_ARGS = ["--clock-ahead-s", "2"]
"""Clocks are not the truth in any of this: those that die are 2 s ahead of the one that survives."""


async def test_senders_killed_at_every_point_lose_and_double_nothing(world: World) -> None:
    *victims, _ = await world.start_senders(*(["--halt-at", point, *CLOCK_ARGS] for point in POINTS), [])
    held: dict[str, tuple[set[str], set[str]]] = {}
    recovered_s: list[float] = []

    async def kill(point: str, victim: TracedSender) -> None:
        await world.until_halted(victim)
        victim.kill()
        held[point] = world.held_by(victim.sessions[-1])
        recovered_s.append(await world.until_taken_over(victim))

    await world.enqueue("r", RECIPIENTS)
    async with trio.open_nursery() as nursery:
        for point, victim in zip(POINTS, victims, strict=True):
            nursery.start_soon(kill, point, victim)
    await world.until_done()
    history = await world.verify("SIGKILL at each point", killed=len(victims), recovered_s=max(recovered_s))
    outcomes = {row.job: row.outcome for row in history.rows}
    assert {job for job, outcome in outcomes.items() if outcome == "unknown"} == set[str]().union(
        *(marked for _, marked in held.values())
    )
    for point in POINTS:
        unmarked, marked = held[point]
        assert {outcomes[job] for job in unmarked} <= {"sent"}, point
        assert unmarked or point not in {"claimed", "before_mark"}, point
        assert marked or point not in {"marked", "posted", "answered", "before_settle"}, point
