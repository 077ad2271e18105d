"""Repeating work at an interval until a stop is wanted, slower where a part is away, each trouble logged once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio
from redis.exceptions import RedisError

from schema.runtime.outage import Outage
from schema.runtime.stop import Stop
from sender.runs.databases.errors import DatabaseAway, QueryRefused

log = structlog.get_logger()


async def repeat(
    work: Callable[[float], Awaitable[None]], *, interval_s: float, stop: Stop, redis_outage: Outage
) -> None:
    """Call `work` with the Trio time of its next turn, again and again, until a stop is wanted.

    A database or Redis that is away is tried again when its Outage says so; a refused query after the interval.
    """
    refused = ""
    while not stop.requested.is_set():
        next_turn = trio.current_time() + interval_s
        try:
            await work(next_turn)
        except DatabaseAway as exc:
            next_turn = trio.current_time() + exc.wait_s
        except RedisError as exc:
            next_turn = trio.current_time() + redis_outage.failed(exc, trio.current_time())
        except QueryRefused as exc:
            if refused != str(exc):
                log.error("query_refused", part=exc.part, reason=str(exc))
            refused = str(exc)
        else:
            redis_outage.recovered(trio.current_time())
            refused = ""
        with trio.move_on_at(next_turn):
            await stop.requested.wait()
