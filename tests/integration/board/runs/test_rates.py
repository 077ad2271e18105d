"""How fast a run of a real queue is said to be, when people of it had their outcome before."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from ops.board.reading import QueueReader
from ops.board.run_rates import RunRates
from ops.board.runs.run_book import RunBook
from schema.job import Job, encode_record, job_id
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.run_queue import RunQueue
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of


async def test_outcomes_that_a_recovered_run_kept_are_not_counted_as_speed(redis: Redis) -> None:
    runs, book = RunQueue(redis), RunBook(None, QueueReader(redis), RunRates())
    await enqueue(runs, run_of("r"), 1, last=False)
    taken_ms = int(await aio(redis.hget, key("run:r"), "taken_at_ms") or 0)
    await aio(redis.hset, key("run:r"), "taken_at_ms", taken_ms - 10_000)
    records = [encode_record(job_id("r", "left"), Job("left"))]
    ended = {"sent": 4990, "failed": 10}
    filled = await runs.enqueue_chunk(
        "r", cursor="00000000", next_cursor="left", records=records, last=True, ended=ended
    )
    assert filled
    queue = await open_queue(redis)
    claimed = await queue.claim("c", 1)
    await queue.settle(1, [final(claimed.groups[0], claimed.groups[0].records[0], "sent")])
    run = (await book.one("r")).run
    assert run is not None
    assert (run.recipients, run.left, run.outcomes and run.outcomes["sent"]) == (5002, 1, 4991)
    assert run.rate_per_second == pytest.approx(0.1, abs=0.1)
