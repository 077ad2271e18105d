"""The seconds that senders tell add up to what the Graph API accepted and what became of the runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.seconds import decode_counts, decode_parts
from tests.integration.sender.world import World, people


async def test_two_senders_tell_of_every_attempt_once(world: World) -> None:
    await world.control(errors={"recipient_unavailable_551": 0.1, "transient_2_service_unavailable": 0.05})
    await world.add("a", people(300), page="1")
    await world.add("b", people(200), page="2")
    async with world.sender(), world.sender():
        facts = await world.finished("a", "b")
    ended, runs, pages, latencies = Counter[str](), Counter[str](), Counter[str](), 0
    names: Any = await aio(world.redis.keys, key("second:*"))
    for name in names:
        told: Any = await aio(world.redis.hvals, name)
        for one in told:
            if name.endswith(b":parts"):
                parts = decode_parts(one)
                runs.update({run: counts.attempts for run, counts in parts.runs.items()})
                pages.update({page: counts.attempts for page, counts in parts.pages.items()})
            else:
                ended.update({name.partition("/")[0]: count for name, count in decode_counts(one).ended.items()})
                latencies += sum(decode_counts(one).latencies.values())
        assert 0 < await aio(world.redis.ttl, name) <= 960
    assert ended == sum((Counter(fact.outcomes) for fact in facts.values()), Counter[str]())
    assert ended["sent"] == len(await world.accepted())
    assert (runs["a"], runs["b"]) == (pages["1"], pages["2"])
    assert sum(runs.values()) == ended.total() == latencies
