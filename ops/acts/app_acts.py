"""Stopping everything, and letting it go on."""

from __future__ import annotations

import msgspec

from sender.queue.app_queue import AppQueue


class AppDone(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done to everything."""

    done: str
    held_by_senders: int | None = None
    """Of a pause: messages that senders hold and that end as they end."""


async def pause_all(app: AppQueue, who: str) -> AppDone:
    """Let nothing more be claimed until it is resumed; no rule ends or shortens this. Errors: redis.RedisError."""
    return AppDone("paused", await app.pause(who))


async def resume_all(app: AppQueue, who: str) -> AppDone:
    """End a pause of everything, by hand or by a rule; what is paused by itself stays paused."""
    await app.resume(who)
    return AppDone("resumed")
