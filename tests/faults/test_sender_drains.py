"""Senders that are told to stop under full load: what is in flight ends, the rest is for others."""

from __future__ import annotations

import signal

import trio

from tests.faults.world import World

PROMPT_S = 0.1
"""No claim begins later than this after SIGTERM."""


async def test_a_sender_told_to_stop_claims_nothing_and_ends_what_is_in_flight(world: World) -> None:
    [sender] = await world.start_senders([], worker_concurrency=50)
    await world.graph(latency_ms=200)
    await world.enqueue("r", 800)
    await world.until(lambda: world.outcomes("r")["sent"] > 100, "some sent")
    sender.signal(signal.SIGTERM)
    told_at = trio.current_time()
    assert await world.until_ended(sender) == 0
    drained_s = trio.current_time() - told_at
    [stop] = sender.trace("stop")
    assert all(claim["at"] < stop["at"] + PROMPT_S for claim in sender.trace("claim"))
    assert world.redis.keys("*held:*") == []
    sent = world.outcomes("r")["sent"]
    assert 100 < sent < 800
    assert world.outcomes("r") == {"sent": sent}
    assert len(await world.accepted()) == sent
    await world.until(lambda: world.rows() == sent, "rows of all events, which the broker had before the sender ended")
    await world.graph(latency_ms=10)
    await world.start_senders([], worker_concurrency=50)
    await world.until_done()
    await world.verify("SIGTERM under load", drained_s=drained_s)
    assert world.outcomes("r") == {"sent": 800}


async def test_all_senders_restarted_in_turn_lose_double_and_leave_unknown_nothing(world: World) -> None:
    senders = await world.start_senders([], [])
    runs = 0

    async def keep_busy() -> None:
        nonlocal runs
        while True:
            await world.enqueue(f"r{runs}", 50)
            runs += 1
            await trio.sleep(0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_busy)
        for sender in senders:
            await world.until(lambda: world.outcomes(f"r{max(0, runs - 2)}")["sent"] > 0, "load")
            sender.signal(signal.SIGTERM)
            await world.start_senders([])
            assert await world.until_ended(sender) == 0
        nursery.cancel_scope.cancel()
    await world.until_done()
    history = await world.verify("rolling restart under load", runs=runs)
    assert sum(run.outcomes["sent"] for run in history.runs.values()) == 50 * runs


async def test_after_a_second_signal_answers_count_until_the_drain_is_over_and_everybody_has_one_outcome(
    world: World,
) -> None:
    [sender] = await world.start_senders([], drain_timeout_ms=500)
    await world.graph(pause=True)
    await world.enqueue("r", 100)
    await world.until(lambda: len(sender.pairs("posted")) == 10, "requests under way")
    sender.signal(signal.SIGTERM)
    await world.until(lambda: bool(sender.trace("stop")), "the first signal's effect")
    sender.signal(signal.SIGTERM)
    assert await world.until_ended(sender) == 0
    assert world.outcomes("r") == {"unknown": 10}
    await world.graph(pause=False)
    await world.start_senders([])
    await world.until_done()
    await world.verify("SIGTERM twice")
    assert world.outcomes("r") == {"sent": 90, "unknown": 10}
