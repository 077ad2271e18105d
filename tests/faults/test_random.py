"""Random faults on a busy world: no promise is broken. `nox -s soak` does the same for hours.

A failure names its seed; NEWAR_FAULT_SEED=… NEWAR_FAULT_SECONDS=… repeat its actions.
"""

from __future__ import annotations

import os

from tests.faults.actions import Faults, plan
from tests.faults.world import World

SEED = int(os.environ.get("NEWAR_FAULT_SEED", "1"))
SECONDS = float(os.environ.get("NEWAR_FAULT_SECONDS", "20"))


def test_a_seed_gives_the_same_plan_again() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


async def test_random_faults_break_no_promise(world: World) -> None:
    print(f"NEWAR_FAULT_SEED={SEED} NEWAR_FAULT_SECONDS={SECONDS}")
    faults = Faults(world, SEED)
    actions = plan(SEED, SECONDS)
    await faults.carry_out(actions)
    healing_s = await world.until_done()
    await world.verify(
        f"random, seed {SEED}", actions=len(actions), recovered_s=faults.recovered_s, healing_s=healing_s
    )
