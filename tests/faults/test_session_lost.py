"""A process loses its session, opens another and claims the same jobs again: what it began before is void."""

from __future__ import annotations

import signal

import httpx
import trio

from schema.keys import key
from sender.queue.session_queue import Limits, SessionQueue
from tests.faults.world import TracedSender, World
from tests.patience import patience_s

KEEP = httpx.Limits(keepalive_expiry=None)

RECIPIENTS = 5
"""Fewer than tasks: those that wait do not keep the sender from claiming again."""


async def take_session_from(world: World, sender: TracedSender) -> None:
    """Take a living sender's session over, as somebody does who could not see its renewals."""
    heir = SessionQueue(world.client, Limits(100, 100, 0), lease_ms=world.settings["lease_ms"])
    await heir.open()
    with trio.fail_after(patience_s()):
        world.redis.zadd(key("sessions"), {sender.sessions[0]: 1})
        while await heir.take_over() is None:
            await trio.sleep(0.01)
            world.redis.zadd(key("sessions"), {sender.sessions[0]: 1}, xx=True)
    await heir.close()


async def test_a_mark_of_a_lost_session_lets_nothing_leave_a_second_time(world: World) -> None:
    [sender] = await world.start_senders(["--hold-at", "before_mark"])
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(sender)
    await take_session_from(world, sender)
    await world.until(lambda: len(sender.jobs("claimed")) == 2 * RECIPIENTS, "a second claim of the jobs")
    sender.signal(signal.SIGUSR1)
    await world.until_done()
    await world.verify("session lost before the mark")
    assert world.outcomes("r") == {"sent": RECIPIENTS}


async def test_a_job_given_back_by_a_lost_session_stays_with_the_new_one(world: World) -> None:
    [sender] = await world.start_senders(["--hold-at", "before_settle"])
    async with httpx.AsyncClient(
        base_url=world.graph_url, limits=KEEP, timeout=patience_s()
    ) as graph:  # its connection outlasts the refusal of new ones
        await graph.post("/__control", json={"refuse_ms": 600_000, "pause": True})
        await world.enqueue("r", 1)
        await world.until_halted(sender)
        await graph.post("/__control", json={"refuse_ms": 0})
    await take_session_from(world, sender)
    await world.until(lambda: bool(sender.trace("posted")), "a request of the new session")
    sender.signal(signal.SIGUSR1)
    await world.until(lambda: bool(sender.trace("settled")), "the settlement of the old session")
    claims = len(sender.trace("claim"))
    await world.until(lambda: len(sender.trace("claim")) > claims + 1, "a further claim and its answer")
    await world.graph(pause=False)
    await world.until_done()
    await world.verify("session lost before a job is given back")
    assert world.outcomes("r") == {"sent": 1}
