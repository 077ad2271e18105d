"""The API as a test serves it, what it can be asked for, and a Redis that never answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import httpx
import trio
import trio.testing

from ops.api.app import serve
from ops.api.settings import ApiSettings
from schema.runtime.stop import Stop
from tests.patience import patience_s

EVERYWHERE = "0.0.0.0"  # noqa: S104 - the case under test
SECRET = "correct-horse"
STATS = ["/stats/performance", "/stats/http-client", "/stats/queue", "/stats/circuit-breaker", "/stats/ingest"]
DATA = [*STATS, "/metrics", "/api/v1/overview", "/api/v1/runs", "/api/v1/runs/a", "/api/v1/failures"]
Api = AbstractAsyncContextManager[httpx.AsyncClient]


@asynccontextmanager
async def open_api(settings: ApiSettings) -> AsyncIterator[httpx.AsyncClient]:
    """Serve on a free port; ends with a soft stop, which must be enough."""
    stop = Stop(drain_s=60)
    async with trio.open_nursery() as nursery:
        address = await nursery.start(serve, settings, stop)
        url = address.replace(EVERYWHERE, "127.0.0.1")
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=patience_s()) as client:
            yield client
        stop.request()


@asynccontextmanager
async def silent_redis() -> AsyncIterator[tuple[str, trio.Event, trio.Event]]:
    """A server that takes connections and never answers; yields its URL, `asked` and `hang_up`."""
    asked, hang_up = trio.Event(), trio.Event()

    async def talk(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            asked.set()
            await hang_up.wait()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, talk, 0, host="127.0.0.1"))
        yield f"redis://127.0.0.1:{listener.socket.getsockname()[1]}", asked, hang_up
        nursery.cancel_scope.cancel()
