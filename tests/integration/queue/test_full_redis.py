"""Redis at its maxmemory: what ends, frees, holds and sends works, and what only adds is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import msgspec
import pytest
import trio
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError

from ingest.committed import _publish
from ops.access.signed_out import SignedOut
from schema.job import Job, decode_record, encode_record, job_id
from schema.keys import key
from schema.run import RunState
from schema.runtime.asyncio_door import aio
from schema.runtime.write_when_full import write_when_full
from sender.queue.app_queue import AppQueue
from sender.queue.audit_stream import AuditStream
from sender.queue.page_queue import PageFacts, PageQueue
from sender.queue.redis_memory import Memory, MemoryReader
from sender.queue.run_queue import RunQueue
from sender.queue.script_loader import Scripts, source
from sender.queue.session_queue import SessionQueue, Settlement
from tests.integration.queue.jobs import enqueue, final, open_queue, run_of, state_of
from tests.patience import patience_s

NAMES = sorted(
    f"{room.name}/{script.name.removesuffix('.lua')}"
    for room in (files("sender.queue") / "scripts").iterdir()
    if room.name != "lib"
    for script in room.iterdir()
)
ADDS = {"runs/create", "runs/enqueue_chunk"}
"""What only brings more: refused at maxmemory, and not asked for before, when the reserve is reached."""
READS = {
    *("app/fields", "app/permissions", "app/survey", "pages/explain", "pages/look", "pages/states", "pages/with_token"),
    *("runs/glance", "work/find", "work/find_delayed"),
}
NOTHING = msgspec.msgpack.encode([])
PAGES = msgspec.msgpack.encode(["1"])
CALLS: dict[str, tuple[Any, ...]] = {
    "app/fields": ("run:", NOTHING, NOTHING),
    "app/note": ("ana", "user add", "bob", ""),
    "app/permissions": ("~newar:*", "get k"),
    "app/steer": ("pause", "ana"),
    "app/survey": (1, 1, 1, 1, NOTHING),
    "app/takes_writes": (),
    "outbox/forget": ("s",),
    "outbox/log_again": ("s", NOTHING, b""),
    "outbox/trim": ("s", "1-0"),
    "pages/deny": ("1", "add", "ana", "suppression add", "x", 1, "person"),
    "pages/explain": (NOTHING, 10, 10, 0),
    "pages/forget_denied": (1,),
    "pages/look": (NOTHING, 10, 10, 10),
    "pages/reset_limits": (PAGES, "ana", ""),
    "pages/set": ("1", "sealed", "weight", "2"),
    "pages/set_limit": (PAGES, "5", "", "ana", ""),
    "pages/states": (NOTHING, "name"),
    "pages/steer": (PAGES, "pause", "ana", ""),
    "pages/unusable": ("1", "why", 1000, 1000, "0"),
    "pages/with_token": (NOTHING,),
    "requests/begin": ("ana", "id", "print", "token", 1000, 1000, 10),
    "requests/go_on": ("id", "token", 1000, "answer"),
    "runs/cancel": ("r", "ana"),
    "runs/confirm_finished": ("r",),
    "runs/create": ("new", "1", "1/text", "{}", 0, 4_000_000_000_000),
    "runs/enqueue_chunk": ("r", "", "1", 1, msgspec.msgpack.encode({}), encode_record(job_id("r", "1"), Job("1"))),
    "runs/epoch": ("epoch",),
    "runs/extend": ("r", 4_000_000_000_000, 4_000_000_000_001, "{}", "ana"),
    "runs/forget_ended": (1,),
    "runs/glance": (NOTHING,),
    "runs/hold": ("r", "operator", 1, "ana"),
    "runs/set_windows": ("r", msgspec.msgpack.encode({}), "", 0),
    "sessions/close": ("nobody",),
    "sessions/disown": ("s", b"0" * 16),
    "sessions/open": ("new", 10_000),
    "sessions/renew": ("s", 10_000, 0),
    "sessions/take_over": ("s", 1000),
    "work/claim": ("s", "c", 1, 1000, 1, 10, 10, 0, 1_800_000_000_000),
    "work/drain": ("s", "d", 1, 1000, 1_800_000_000_000),
    "work/find": ("r", b"0" * 16),
    "work/find_delayed": (0, 10),
    "work/mark": ("s", NOTHING, b""),
    "work/settle": ("s", 1, NOTHING, b""),
}


@asynccontextmanager
async def full(redis: Redis, maxmemory: str = "1mb") -> AsyncIterator[None]:
    """Let Redis use more than it may, or give it another bound."""
    await aio(redis.config_set, "maxmemory", maxmemory)
    try:
        yield
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + patience_s()):
            await aio(redis.config_set, "maxmemory", "0")


@pytest.mark.parametrize("name", NAMES)
async def test_at_maxmemory_only_what_adds_is_refused(redis: Redis, runs: RunQueue, name: str) -> None:
    flags = source(name).split("\n", 1)[0].partition("flags=")[2]
    assert flags == ("" if name in ADDS else "no-writes" if name in READS else "allow-oom")
    await enqueue(runs, run_of("r"), 0, last=False)
    await aio(redis.zadd, key("sessions"), {"s": 9e15})
    async with full(redis):
        call = aio(Scripts(redis).call, name, *CALLS[name])
        if name in ADDS:
            with pytest.raises(OutOfMemoryError):
                await call
        else:
            await call


async def test_what_is_queued_is_sent_to_its_end_and_freed_while_redis_is_full(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 20)
    queue = await open_queue(redis)
    async with full(redis):
        [group] = (await queue.claim("a", 20)).groups
        first, *others = group.records
        job, told = decode_record(first)
        assert None not in await queue.mark([(decode_record(r)[0], 1) for r in group.records])
        record = encode_record(job, msgspec.structs.replace(told, attempts=1))
        again = Settlement(job, "r", "1", "retrying", event=b"{}", record=record, delay_ms=1)
        await queue.settle(1, [again, *(final(group, record) for record in others)])
        await until(lambda: has_more(queue))
        await queue.settle(2, [final(group, first)])
        assert await state_of(runs, "r") is RunState.FINISHED
        await runs.confirm_finished(["r"])
        await trio.sleep(0.002)
        assert await runs.forget_ended(1) == 1
        await aio(redis.xtrim, key(f"outbox:{queue.session}"), maxlen=0)
        assert await queue.close()


async def has_more(queue: SessionQueue) -> bool:
    return bool((await queue.claim(f"{trio.current_time()}", 1)).groups)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(patience_s()):
        while not await done():
            await trio.sleep(0.01)


async def test_the_dead_are_taken_over_and_cancelled_runs_drained_while_redis_is_full(
    redis: Redis, runs: RunQueue
) -> None:
    await enqueue(runs, run_of("r"), 20)
    dead = await open_queue(redis)
    [group] = (await dead.claim("a", 10)).groups
    await dead.mark([(decode_record(record)[0], 1) for record in group.records[:4]])
    async with full(redis):
        heir = await open_queue(redis)
        await aio(write_when_full, redis, [("ZADD", key("sessions"), 1, dead.session)])
        await aio(write_when_full, redis, [("HSET", key("app"), "no_takeover_until_us", 0)])
        taken = await heir.take_over()
        assert taken is not None
        assert (taken[0], len(taken[1])) == (dead.session, 4)
        assert await runs.cancel("r", who="ana")
        drained = await heir.drain("d", 100)
        records = [record for one in drained for record in one.records]
        assert len(records) == 16
        lost = [Settlement(decode_record(job.record)[0], "r", "1", "unknown", event=b"{}") for job in taken[1]]
        await heir.settle(1, [*lost, *(final(drained[0], record, "cancelled") for record in records)])
        facts = (await runs.facts(["r"]))["r"]
        assert (facts.state, facts.outcomes) == (RunState.FINISHED, {"unknown": 4, "cancelled": 16})


async def test_people_stop_and_let_go_while_redis_is_full(redis: Redis, runs: RunQueue) -> None:
    await enqueue(runs, run_of("r"), 5)
    queue, pages, app = await open_queue(redis), PageQueue(redis), AppQueue(redis)
    async with full(redis):
        assert await runs.hold("r", "operator", who="ana")
        assert not await has_more(queue)
        assert await runs.let_go("r", "operator", who="ana")
        assert await pages.pause("1", "ana")
        assert not await has_more(queue)
        await pages.resume("1", "ana")
        await app.pause("ana")
        assert (await queue.claim("p", 1)).status == "paused"
        await app.resume("ana")
        await pages.set_page(PageFacts(page_id="1", sealed_token="sealed:new"))
        await AuditStream(redis).note("ana", "user add", "bob", "")
        assert await has_more(queue)
        assert len(await AuditStream(redis).oldest()) == 7
        await AuditStream(redis).carried((await AuditStream(redis).oldest())[-1])


async def test_what_processes_tell_each_other_is_told_while_redis_is_full(redis: Redis) -> None:
    async with full(redis):
        await aio(_publish, redis, {key("committed:a"), key("committed:b")}, {0: 17, 1: 4})
        await SignedOut(redis).add("session", 9e9)
        with pytest.raises(OutOfMemoryError):
            await aio(redis.hset, key("processes"), "plain", "refused")
    assert await aio(redis.hgetall, key("committed:b")) == {b"0": b"17", b"1": b"4"}
    assert await aio(redis.ttl, key("committed:a")) > 0
    assert await SignedOut(redis).has("session")


async def test_bytes_and_numbers_are_written_as_they_are(redis: Redis) -> None:
    told = bytes(range(256)) * 9
    await aio(write_when_full, redis, [("HSET", key("x"), "é", told, "n", 2**53 + 1)])
    assert await aio(redis.hgetall, key("x")) == {"é".encode(): told, b"n": b"9007199254740993"}


class Refusing:
    """A Redis that refuses INFO, as hosts do."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.asked = 0

    async def info(self, _section: str) -> Any:
        self.asked += 1
        return await self._redis.execute_command("NO-SUCH-COMMAND")  # type: ignore[no-untyped-call]

    async def memory_stats(self) -> Any:
        return await self._redis.memory_stats()


async def test_memory_is_known_with_info_and_without(redis: Redis) -> None:
    async with full(redis, "512mb"):
        seen = await aio(MemoryReader(redis, None).read)
    assert (seen.bound, seen.policy) == (512 << 20, "noeviction")
    refusing = Refusing(redis)
    reader = MemoryReader(refusing, 1 << 30)
    for _ in range(2):
        without = await aio(reader.read)
    assert refusing.asked == 1
    assert without.bound == 1 << 30
    assert without.used is not None
    assert abs(without.used - (seen.used or 0)) < 1 << 20
    assert (await aio(MemoryReader(redis, 1 << 30).read)).bound == 1 << 30


@pytest.mark.parametrize(
    ("seen", "share", "room"),
    [
        (Memory(89, 100), 0.1, True),
        (Memory(90, 100), 0.1, False),
        (Memory(99, 100), 0.0, True),
        (Memory(100, 100), 0.0, False),
        (Memory(900, 0), 0.1, True),
        (Memory(900, None), 0.1, True),
        (Memory(None, 100), 0.1, True),
    ],
)
def test_a_share_stays_free(seen: Memory, share: float, room: bool) -> None:
    assert seen.has_room(share) is room
