"""How fast pages may go, as the claim sees it, and what people change of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from redis.asyncio import Redis

from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts, slices

Fields = dict[str, str]
"""Of `pages/explain.lua`: those of a page or of the app that are there, as text."""


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of pages for which the source says nothing, messages per second; `app` 0: none."""

    text: int
    media: int
    app: int


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What a claim would go by now."""

    now_us: int
    """Redis's clock."""
    app: Fields
    pages: dict[str, Fields]
    """Those asked for that ever had a run."""


class LimitQueue:
    """Methods are Trio coroutines that may be repeated. Errors: redis.RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._scripts = Scripts(redis)

    async def pages(self) -> list[str]:
        """Return every page that ever had a run, by id."""
        return sorted(p.decode(errors="replace") for p in await aio(self._scripts.command, "SMEMBERS", key("pages")))

    async def explain(self, page_ids: list[str], defaults: Defaults) -> Explained:
        """Return what holds for these pages and for the app."""
        found: dict[str, Fields] = {}
        for some in [*slices(page_ids)] or [[]]:
            packed = msgspec.msgpack.encode(some)
            now_us, app, *pages = await aio(
                self._scripts.call, "pages/explain", packed, defaults.text, defaults.media, defaults.app
            )
            found |= dict(map(_fields, pages))
        return Explained(now_us=int(now_us), app=_fields(app)[1], pages=found)

    async def set_limit(self, page_id: str, rate: float | None, for_ms: int | None, *, who: str) -> bool:
        """Let this rate count, for so long or until it is changed; None: no longer. False: unknown page."""
        return not await self.set_limits([page_id], rate, for_ms, who=who)

    async def set_limits(
        self, page_ids: Sequence[str], rate: float | None, for_ms: int | None, *, who: str, detail: str = ""
    ) -> Sequence[str]:
        """Do that for many pages; return those that are unknown. `detail`: what the audit trail says besides."""
        limit, span = "" if rate is None else f"{rate:g}", "" if for_ms is None else for_ms
        return await aio(self._scripts.call_in_slices, "pages/set_limit", page_ids, limit, span, who, detail)

    async def reset(self, page_id: str, *, who: str) -> list[str] | None:
        """End what answers have led to for the page (or `app`); return what that was. None: unknown page."""
        return (await self.reset_all([page_id], who=who))[page_id]

    async def reset_all(self, page_ids: Sequence[str], *, who: str, detail: str = "") -> Mapping[str, list[str] | None]:
        """Do that for many pages. `detail`: what the audit trail says besides."""
        lifted = await aio(self._scripts.call_in_slices, "pages/reset_limits", page_ids, who, detail)
        return dict(zip(page_ids, lifted, strict=True))


def _fields(flat: Sequence[bytes]) -> tuple[str, Fields]:
    name, *rest = (part.decode(errors="replace") for part in flat)
    return name, dict(zip(rest[::2], rest[1::2], strict=True))
