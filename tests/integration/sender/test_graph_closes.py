"""A Graph API that takes connections and closes them, as a balancer does that has nobody behind it."""

from __future__ import annotations

from functools import partial

import trio
from structlog.testing import capture_logs

from tests.integration.sender.world import World, people
from tests.patience import patience_s


async def test_a_server_that_only_closes_counts_as_away(world: World, nursery: trio.Nursery) -> None:
    async def close(stream: trio.SocketStream) -> None:
        await stream.aclose()

    listeners = await nursery.start(partial(trio.serve_tcp, close, 0, host="127.0.0.1"))
    await world.add("r", people(20))
    with capture_logs() as lines:
        async with world.sender(graph_api_url=f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"):
            with trio.fail_after(patience_s()):
                while not any(line.get("part") == "graph_api" for line in lines):
                    await trio.sleep(0.01)
    nursery.cancel_scope.cancel()
