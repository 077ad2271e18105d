"""Sessions and leases: renewed, expired, inherited and closed."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from schema.job import decode_record
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from sender.queue.session_queue import SessionGone
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of


async def test_an_expired_lease_gives_unmarked_jobs_back_and_hands_marked_ones_over(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 2)
    dead, heir = await open_queue(redis), await open_queue(redis)
    (group,) = (await dead.claim("c", 2)).groups
    ids = [decode_record(r)[0] for r in group.records]
    (time,) = await dead.mark([(ids[0], 1)])
    assert await heir.take_over() is None
    await aio(redis.zadd, key("sessions"), {dead.session: 1})
    assert await heir.take_over() is None  # too soon after the queue was last without any renewal
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    taken = await heir.take_over()
    assert taken is not None
    assert taken[0] == dead.session
    assert [(j.run_id, j.record, j.attempt, j.sent_at_us) for j in taken[1]] == [("r", group.records[0], 1, time)]
    assert [g.records for g in (await heir.claim("c", 2)).groups] == [[group.records[1]]]
    assert (await dead.settle(1, [final(group, group.records[0])]))[0] == [False]
    assert await dead.mark([(ids[1], 1)]) == [None]
    with pytest.raises(SessionGone):
        await dead.renew(2)
    assert (await heir.settle(1, [final(group, group.records[0], "unknown")]))[0] == [True]


async def test_after_a_silence_of_the_queue_everybody_has_one_lease_to_come_back(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    slow, quick = await open_queue(redis), await open_queue(redis)
    await slow.claim("c", 1)
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    await aio(redis.hset, key("app"), "renewed_at_us", 1)  # nobody could renew for a long time
    await aio(redis.zadd, key("sessions"), {slow.session: 1, quick.session: 2})
    assert await quick.take_over() is None  # though it asks before anybody has renewed
    assert await slow.renew(1)
    assert await quick.take_over() is None


async def test_nobody_inherits_from_himself(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    await queue.mark([(decode_record(group.records[0])[0], 1)])
    await aio(redis.hdel, key("app"), "no_takeover_until_us")
    await aio(redis.zadd, key("sessions"), {queue.session: 1})
    assert await queue.take_over() is None
    assert (await queue.settle(1, [final(group, group.records[0])]))[0] == [True]


async def test_a_renewal_tells_of_jobs_whose_claim_was_never_heard(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 2)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("lost", 2)).groups
    assert (await queue.renew(2))[1] == []
    held = (await queue.renew(0))[1]
    assert sorted(held) == sorted(decode_record(r)[0] for r in group.records)
    assert await queue.disown(held) == []
    assert sorted((await queue.claim("c2", 2)).groups[0].records) == sorted(group.records)


async def test_a_session_that_holds_jobs_does_not_close(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 1)
    queue = await open_queue(redis)
    (group,) = (await queue.claim("c", 1)).groups
    assert not await queue.close()
    await queue.settle(1, [final(group, group.records[0])])
    assert await queue.close()
    with pytest.raises(SessionGone):
        await queue.claim("c2", 1)
