"""The Graph API takes no new connection for a while: afterwards all tasks send again."""

from __future__ import annotations

import httpx

from tests.faults.world import World
from tests.patience import patience_s

KEEP = httpx.Limits(keepalive_expiry=None)


async def test_an_answer_over_an_old_connection_ends_the_caution(world: World) -> None:
    [sender] = await world.start_senders([], worker_concurrency=6)
    async with httpx.AsyncClient(
        base_url=world.graph_url, limits=KEEP, timeout=patience_s()
    ) as graph:  # its connection outlasts the refusal of new ones
        await graph.post("/__control", json={"pause": True})
        await world.enqueue("under_way", 5)
        await world.until(lambda: len(sender.pairs("posted")) == 5, "requests under way")
        await graph.post("/__control", json={"refuse_ms": 600_000})
        await world.enqueue("refused", 3)
        await world.until(lambda: '"graph_api"' in sender.process.output(), "a refused connection")
        await graph.post("/__control", json={"pause": False})
        await world.until(lambda: world.finished("refused"), "the end of those that were refused")
        claims = len(sender.trace("claimed"))
        await world.enqueue("later", 40)
        await world.until(lambda: world.finished("later"), "the end of all others")
        await graph.post("/__control", json={"refuse_ms": 0})
    await world.until_done()
    assert max(len(claim["jobs"]) for claim in sender.trace("claimed")[claims:]) > 1
    await world.verify("Graph refuses connections")
    assert world.outcomes("later") == {"sent": 40}
