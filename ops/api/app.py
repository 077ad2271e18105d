"""Serving `newar api`: its connections, its listening socket, its start and its end."""

from __future__ import annotations

import errno
import logging
import math
import socket

import structlog
import trio
from hypercorn.config import Config

from ops.access.proxies import TrustedProxies
from ops.api.door.access import Access
from ops.api.door.client_connection import serve_connections
from ops.api.door.event_feeds import EventFeeds
from ops.api.door.gate import Gate
from ops.api.door.who_asks import MOST_HEAD_BYTES
from ops.api.parts import Parts
from ops.api.settings import ApiSettings, guarded
from ops.api.web import make_app
from ops.board.board import Board
from ops.local.restarts import States
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from schema.runtime.settings import SettingsError
from schema.runtime.stop import Stop
from sender.queue.permissions import Permissions
from sender.queue.until_answered import UntilAnswered

log = structlog.get_logger()

CLOSE_WITHIN_S = 2.0
SILENT_FOR_S = 30
"""So long a client may say nothing, also while it waits for its answer, which never takes as long."""


async def serve(
    settings: ApiSettings,
    stop: Stop,
    servers: States | None = None,
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop` is requested; requests in hand are finished within its drain time.

    `started` gets the address as a URL. The caller has opened the asyncio loop, and keeps up to date how the local
    `servers` do.

    Raises:
        SettingsError: when the address cannot be bound, or would be open to everyone.
    """
    guarded(settings, terminal=False)
    listener = _listen(settings.api_host, settings.api_port)
    address = _url(listener)
    redis = open_redis(settings.redis_url.get_secret_value())
    board, access, feeds = Board(settings, redis, servers), Access(settings, redis), EventFeeds()
    try:
        app = make_app(Parts(settings=settings, redis=redis, board=board, access=access, feeds=feeds))
        gate = Gate(app, settings.api_requests_per_second, TrustedProxies(settings.trusted_proxies))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop.enforce, nursery.cancel_scope)
            await nursery.start(feeds.run, stop.requested)
            nursery.start_soon(UntilAnswered(math.inf), Permissions(redis).demand)  # logs what is refused
            nursery.start_soon(board.pages.keep)
            log.info("api_serving", address=address)
            task_status.started(address)
            await serve_connections(gate, _hypercorn(), listener, stop.requested)
            nursery.cancel_scope.cancel()
    finally:
        listener.close()  # where nobody came to serve it
        with trio.move_on_after(CLOSE_WITHIN_S, shield=True):
            await aio(redis.aclose)
            await board.close()
            await access.close()


def _listen(host: str, port: int) -> socket.socket:
    name = host.strip("[]")
    try:
        listener = socket.create_server((name, port), family=socket.AF_INET6 if ":" in name else socket.AF_INET)
    except OSError as exc:
        taken = exc.errno in (errno.EADDRINUSE, errno.EACCES)
        mend = "choose another port" if taken else "write an address of this machine, 127.0.0.1, or 0.0.0.0 for all"
        reason = f"API_HOST={host}, API_PORT={port}: cannot listen there ({_words(exc)}); {mend}"
        raise SettingsError([reason]) from exc
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _words(error: OSError) -> str:
    """Return what the system says; `create_server` adds the address once more, which is said already."""
    return (error.strerror or str(error)).partition(" (while")[0]


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _hypercorn() -> Config:
    """Configure the protocol. What it logs goes where everything else goes."""
    config = Config()
    config.read_timeout = SILENT_FOR_S
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h2_max_header_list_size = MOST_HEAD_BYTES
    return config
