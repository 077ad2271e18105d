"""Senders that break one rule each: the checker notices, under faults under which it says nothing of honest ones."""

from __future__ import annotations

import signal

import pytest

from schema.keys import key
from tests.faults.checker import check
from tests.faults.world import World

RECIPIENTS = 140
HARMLESS: set[str] = set()


async def kinds_found(world: World) -> set[str]:
    """Wait until all that can come has come; return what the checker says."""
    await world.until(lambda: world.finished("r"), "the run's end")
    await world.until(lambda: world.redis.scard(key("outboxes")) <= world.redis.zcard(key("sessions")), "no orphans")
    await world.until(lambda: world.outbox() == 0, "an empty outbox")
    await world.enqueue("last", 1)  # of the same page, so in the same partition, behind all others
    await world.until(lambda: bool(world.fetch("SELECT 1 FROM message_logs WHERE run_id = 'last'")), "the last row")
    return {finding.kind for finding in check(await world.history())}


@pytest.mark.parametrize("broken", [True, False])
async def test_requests_without_a_mark_are_noticed(world: World, broken: bool) -> None:
    rule = ["--broken", "no_mark"] if broken else []
    victim, _ = await world.start_senders([*rule, "--halt-at", "answered", "--occurrence", "3"], [])
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(victim)
    victim.kill()
    assert await kinds_found(world) == ({"doubled", "unmarked"} if broken else HARMLESS)


async def test_a_stale_settlement_that_is_accepted_is_noticed(world: World) -> None:
    stale = ["--broken", "session_not_compared", "--halt-at", "before_settle", "--occurrence", "3"]
    victim, _ = await world.start_senders(stale, [])
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(victim)
    await world.until_taken_over(victim)
    victim.signal(signal.SIGCONT)
    await world.until(lambda: len(victim.sessions) > 1, "its next session")
    # The log's row is right: what its sender knows of the end is told for stale settlements too. The books are not.
    assert await kinds_found(world) >= {"doubled", "counters"}


async def test_a_marked_job_that_is_sent_again_is_noticed(world: World) -> None:
    victim, _ = await world.start_senders(
        ["--halt-at", "answered", "--occurrence", "3"], ["--broken", "resend_unknown"]
    )
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(victim)
    victim.kill()
    assert "doubled" in await kinds_found(world)


async def test_settlements_without_an_event_are_noticed(world: World) -> None:
    await world.start_senders(["--broken", "no_event"])
    await world.enqueue("r", RECIPIENTS)
    assert await kinds_found(world) == {"lost", "counters", "unlogged"}
    lost = [finding for finding in check(await world.history()) if finding.detail == "no final row"]
    assert len(lost) == RECIPIENTS // 7


@pytest.mark.parametrize("broken", [True, False])
async def test_events_trimmed_before_the_broker_has_them_are_noticed(world: World, broken: bool) -> None:
    rule = ["--broken", "trim_first"] if broken else []
    victim, _ = await world.start_senders([*rule, "--halt-at", "read", "--occurrence", "2"], [])
    await world.enqueue("r", RECIPIENTS)
    await world.until_halted(victim)
    victim.kill()
    assert await kinds_found(world) >= ({"lost", "unlogged"} if broken else HARMLESS)
