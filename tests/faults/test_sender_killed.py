"""A sender is killed exactly here: what it had not marked goes out by another, what it had marked becomes unknown."""

from __future__ import annotations

import pytest
import trio

from tests.faults.traced_sender import POINTS
from tests.faults.world import World

RECIPIENTS = 200
CLOCK_ARGS = ["--clock-ahead-s", "2"]
"""Clocks are not the truth in any of this: the one that dies is 2 s ahead of the one that survives."""


@pytest.mark.parametrize("point", POINTS)
async def test_a_sender_killed_here_loses_and_doubles_nothing(world: World, point: str) -> None:
    victim, _ = await world.start_senders(["--halt-at", point, "--occurrence", "3", *CLOCK_ARGS], [])
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(victim)
    victim.kill()
    killed_at = trio.current_time()
    unmarked, marked = world.in_hands_of(victim.sessions[-1])
    await world.until(lambda: world.finished("r"), "the run's end")
    recovered_s = trio.current_time() - killed_at
    await world.until_done("r")
    history = await world.verify(f"SIGKILL {point}", recovered_s=recovered_s, unmarked=len(unmarked))
    outcomes = {row.job: row.outcome for row in history.rows}
    assert {job for job, outcome in outcomes.items() if outcome == "unknown"} == marked
    assert unmarked <= {job for job, outcome in outcomes.items() if outcome == "sent"}
    assert bool(unmarked) >= (point in {"claimed", "before_mark"})
    assert bool(marked) >= (point in {"marked", "posted", "answered", "before_settle"})
