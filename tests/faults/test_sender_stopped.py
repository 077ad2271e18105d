"""Senders and Redis that stand still for longer than a lease, and go on as if nothing had been."""

from __future__ import annotations

import signal
from typing import Any

import trio

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.session_queue import Limits, SessionQueue
from tests.faults.world import TracedSender, World

POINTS = ("claimed", "before_mark", "marked", "posted", "before_settle")
PAUSE_MS = 2500
"""Two and a half leases."""
HOUR_US = 3_600_000_000


async def test_senders_stopped_for_longer_than_their_lease_settle_and_mark_nothing(world: World) -> None:
    *frozen, _ = await world.start_senders(*(["--halt-at", point, "--occurrence", "3"] for point in POINTS), [])
    held: dict[str, tuple[set[str], set[str]]] = {}

    async def stand_still(point: str, sender: TracedSender) -> None:
        await world.until_halted(sender)
        await trio.sleep(0.05)  # what it had written to Redis is carried out by now
        held[point] = world.held_by(sender.sessions[0])
        await world.until_taken_over(sender)

    await world.enqueue("r", 1000)
    async with trio.open_nursery() as nursery:
        for point, sender in zip(POINTS, frozen, strict=True):
            nursery.start_soon(stand_still, point, sender)
    await world.until(lambda: world.finished("r"), "the run's end")
    for sender in frozen:
        sender.signal(signal.SIGCONT)
    await world.until(lambda: all(len(s.sessions) > 1 for s in frozen), "new sessions")
    await world.enqueue("later", 300)
    await world.until_done()
    for point, sender in zip(POINTS, frozen, strict=True):
        unmarked, marked = held[point]
        before, _ = sender.sessions
        assert not {job for job, _ in sender.pairs("settled", session=before)} & (unmarked | marked), point
        assert not {job for job, _ in sender.pairs("marked", session=before)} & unmarked, point
    await world.verify("SIGSTOP, SIGCONT at five points", stopped=len(frozen))


async def test_of_a_message_that_is_sent_again_a_stopped_sender_tells_no_end(world: World) -> None:
    victim, _ = await world.start_senders(["--halt-at", "before_settle", "--occurrence", "3"], [])
    await world.enqueue("r", 200, on_unknown="resend")
    await world.until_halted(victim)
    await world.until(lambda: world.finished("r"), "the run's end")
    victim.signal(signal.SIGCONT)
    await world.until(lambda: len(victim.sessions) > 1, "its next session")
    await world.enqueue("later", 100)
    await world.until_done()
    history = await world.verify("SIGSTOP, SIGCONT before a settlement, on_unknown: resend")
    assert history.runs["r"].outcomes["sent"] == 200
    assert history.runs["r"].outcomes["retrying"] > 0


async def test_a_pause_of_redis_longer_than_the_lease_makes_nothing_unknown(world: World) -> None:
    pause: Any = world.redis.execute_command
    await world.start_senders([], [])
    await world.enqueue("r", 600)
    for sent in (50, 200, 400):
        await world.until(lambda sent=sent: world.outcomes("r")["sent"] > sent, "some sent")  # type: ignore[misc]
        pause("CLIENT", "PAUSE", PAUSE_MS, "ALL")
    await world.until_done()
    history = await world.verify("Redis paused three times", paused_s=PAUSE_MS / 1000)
    assert history.runs["r"].outcomes == {"sent": 600}
    assert len(world.redis.zrange(key("sessions"), 0, -1)) == 2


async def test_the_first_to_be_back_after_a_silence_takes_nothing_over(redis_url: str, asyncio_loop: Any) -> None:
    redis = open_redis(redis_url)
    slower, first = (SessionQueue(redis, Limits(100, 100, 0), lease_ms=60_000) for _ in range(2))
    await slower.open()
    await first.open()
    for session in (slower.session, first.session):
        await aio(redis.zincrby, key("sessions"), -HOUR_US, session)
    await aio(redis.hincrby, key("app"), "renewed_at_us", -HOUR_US)
    assert await first.take_over() is None
    assert await slower.renew(0)
    await aio(redis.aclose)
