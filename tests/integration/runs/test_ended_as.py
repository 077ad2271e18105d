"""How a run ended is known after its queue has forgotten it, or was lost."""

from __future__ import annotations

from ops.board.runs.run_answers import RunAnswer
from tests.integration.listed_runs import by_id
from tests.integration.queue.jobs import final, open_queue
from tests.integration.runs.world import World


async def shown(world: World, run_id: str) -> RunAnswer:
    return (await by_id(world.url, world.client))[run_id]


async def drain(world: World) -> None:
    queue = await open_queue(world.client)
    for number, group in enumerate(await queue.drain("d", 100), 1):
        await queue.settle(number, [final(group, record, "cancelled") for record in group.records])


async def test_cancelled_run_stays_cancelled_when_redis_has_forgotten_it(world: World) -> None:
    run_id = world.run("1", "2")
    await world.turn()
    await world.queue.cancel(run_id, who="ann@desk")
    await drain(world)
    await world.keep_books()
    assert (await shown(world, run_id)).status == "cancelled"
    assert await world.queue.forget_ended(-1) == 1
    assert await world.queue.facts([run_id]) == {}
    run = await shown(world, run_id)
    assert (run.state, run.status, run.ended_as) == ("finished", "cancelled", "cancelled")
    assert run.outcomes is not None
    assert (run.outcomes["cancelled"], run.left) == (2, 0)


async def test_cancelled_run_whose_queue_is_lost_before_it_is_drained_stays_cancelled(world: World) -> None:
    run_id = world.run("1", "2")
    await world.turn()
    await world.queue.cancel(run_id, who="ann@desk")
    await world.keep_books()
    world.lose_redis()
    assert (await shown(world, run_id)).status == "cancelled"
    await world.keep_books()
    run = await shown(world, run_id)
    assert (run.state, run.status) == ("queue_lost", "cancelled")


async def test_complete_run_is_noted_as_complete(world: World) -> None:
    run_id = world.run("1")
    await world.turn()
    queue = await open_queue(world.client)
    [group] = (await queue.claim("c", 5)).groups
    await queue.settle(1, [final(group, record) for record in group.records])
    await world.keep_books()
    assert world.registered(run_id)["ended_as"] == "complete"  # type: ignore[index]
    assert (await shown(world, run_id)).status == "finished"
