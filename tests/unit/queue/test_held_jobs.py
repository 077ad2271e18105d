"""What a process knows of the jobs that it holds."""

from __future__ import annotations

import trio.testing

from sender.queue.held_jobs import HeldJobs


def test_a_job_given_back_and_claimed_again_stays_held_when_its_settlement_is_answered() -> None:
    held = HeldJobs(10.0)
    assert held.take([b"a", b"b"]) == set()
    assert held.take([b"b", b"c"]) == {b"b"}
    held.leave(b"a")
    assert b"a" in held
    assert len(held) == 3
    assert held.take([b"a"]) == set()  # ours again, before we hear that it was given back
    held.left(b"a")
    assert b"a" in held
    held.leave(b"a")
    held.left(b"a")
    assert b"a" not in held
    assert held.fewer.is_set()


async def test_jobs_are_certainly_ours_for_a_lease_after_the_renewal_was_sent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    held = HeldJobs(10.0)
    assert not held.certain
    held.renewed(trio.current_time() - 4.0, 1_000_000_000)
    assert held.certain
    assert held.redis_now_us() == 1_000_000_000 + 4_000_000
    await trio.sleep(5.9)
    assert held.certain
    await trio.sleep(0.2)
    assert not held.certain
    held.renewed(trio.current_time(), 1_010_000_000)
    held.lost()
    assert not held.certain
