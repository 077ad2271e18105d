"""What is shown of a run beside what the log holds: while it is sent, after its queue is lost, without the log."""

from __future__ import annotations

from collections import Counter

from ops.board.runs.run_answers import RunAnswer
from schema.runtime.asyncio_door import aio
from tests.integration.listed_runs import by_id, listed
from tests.integration.queue.jobs import final, open_queue
from tests.integration.runs.by_hand.world import make_partitions
from tests.integration.runs.world import World

PEOPLE = [str(n) for n in range(12)]
SENT = 7


async def send_some(world: World, run_id: str) -> None:
    """Send to seven; two of the others fail, of one the outcome is not in the log yet."""
    queue = await open_queue(world.client)
    groups = (await queue.claim("c", SENT + 3)).groups
    records = [(group, record) for group in groups for record in group.records]
    ends = ["sent"] * SENT + ["failed"] * 3
    await queue.settle(1, [final(group, record, end) for (group, record), end in zip(records, ends, strict=True)])
    for person, end in list(zip(PEOPLE, ends, strict=False))[:-1]:
        world.log(run_id, person, end)


def of_log(world: World, run_id: str) -> Counter[str]:
    rows = world.sql("SELECT outcome, count(*) FROM message_logs WHERE run_id = %s GROUP BY 1", run_id)
    return Counter(dict(rows))


def counts(run: RunAnswer) -> Counter[str]:
    assert run.outcomes is not None
    return +Counter(run.outcomes)


async def test_numbers_of_a_run_are_those_of_queue_and_log_and_never_zeros(world: World) -> None:
    await aio(make_partitions, world.url)
    run_id = world.run(*PEOPLE)
    await world.turn()
    await world.keep_books()
    await send_some(world, run_id)
    run = (await by_id(world.url, world.client))[run_id]
    assert counts(run) == Counter(sent=SENT, failed=3)
    assert (run.figures, run.recipients, run.left, run.logged) == ("queue", 12, 2, of_log(world, run_id).total())

    away = (await listed("postgresql://newar@127.0.0.1:1/newar", world.client)).runs[0]
    assert (counts(away), away.logged, away.source) == (counts(run), None, None)

    world.lose_redis()
    for state in ("active", "queue_lost"):  # at once, and after the loss was noted
        run = (await by_id(world.url, world.client))[run_id]
        assert (run.state, run.status, [cause.cause for cause in run.waiting_because]) == (
            state,
            "waiting",
            ["queue_lost"],
        )
        assert counts(run) == of_log(world, run_id)
        assert (run.figures, run.recipients, run.left, run.logged) == ("log", 12, 3, 9)
        assert (run.progress, run.may_go, run.waits) == (0.75, 0, {"queue_lost": 3})
        await world.keep_books()


async def test_finished_run_shows_the_log_once_it_has_everybody(world: World) -> None:
    await aio(make_partitions, world.url)
    run_id = world.run("1", "2")
    await world.turn()
    queue = await open_queue(world.client)
    [group] = (await queue.claim("c", 5)).groups
    await queue.settle(1, [final(group, record, "unknown") for record in group.records])
    await world.keep_books()
    world.log(run_id, "1", "sent")  # what was unknown was found out meanwhile
    run = (await by_id(world.url, world.client))[run_id]
    assert (run.status, run.figures, counts(run), run.logged) == ("finished", "registry", Counter(unknown=2), 1)
    world.log(run_id, "2", "unknown")
    run = (await by_id(world.url, world.client))[run_id]
    assert (run.figures, counts(run), run.logged) == ("log", Counter(sent=1, unknown=1), 2)
