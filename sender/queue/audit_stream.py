"""What people did, and what else held runs, as it waits in Redis for its way into the log database."""

from __future__ import annotations

from datetime import datetime

import msgspec
from redis.asyncio import Redis

from schema.event import at_us
from schema.keys import key
from schema.runtime.asyncio_door import aio
from sender.queue.script_loader import Scripts

Fields = dict[bytes, bytes]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act of a person, or one thing that nobody did."""

    at: datetime
    """Redis time."""
    who: str
    """Of what no person did: `rule NAME`, `source`, `registry`, `senders`."""
    what: str
    """Such as `run pause`: mostly the words of the command."""
    target: str
    """The run or page."""
    detail: str
    stream_id: str
    """By which it is known, however often it is carried."""


class AuditStream:
    """Acts' own scripts write it, as a rule. Trio coroutines that may be repeated. Errors: redis.RedisError.

    `by_person` False: the other stream, of what no person did.
    """

    def __init__(self, redis: Redis, *, by_person: bool = True) -> None:
        self._scripts = Scripts(redis)
        self.by_person = by_person
        self._key = key("audit" if by_person else "happenings")
        self._mark = "" if by_person else "h"  # the ids of two streams may be equal

    async def oldest(self, limit: int = 500) -> list[AuditEntry]:
        """Return what waits, oldest first."""
        found = await aio(self._scripts.command, "XRANGE", self._key, "-", "+", "COUNT", limit)
        return [_entry(self._mark + stream_id.decode(), fields) for stream_id, fields in found]

    async def newest(self, limit: int) -> list[AuditEntry]:
        """Return what waits, newest first."""
        found = await aio(self._scripts.command, "XREVRANGE", self._key, "+", "-", "COUNT", limit)
        return [_entry(self._mark + stream_id.decode(), fields) for stream_id, fields in found]

    async def waiting(self) -> int:
        """Return how many entries wait."""
        return int(await aio(self._scripts.command, "XLEN", self._key))

    async def note(self, who: str, what: str, target: str, detail: str) -> None:
        """Add what somebody did that no script of ours does. Repeated, it stands there twice."""
        await aio(self._scripts.call, "app/note", who, what, target, detail)

    async def carried(self, entry: AuditEntry) -> None:
        """Forget this entry and all before it: they are in the log database."""
        milliseconds, _, number = entry.stream_id.removeprefix(self._mark).partition("-")
        after = f"{milliseconds}-{int(number) + 1}"
        await aio(self._scripts.command, "XTRIM", self._key, "MINID", after)


def _entry(stream_id: str, fields: Fields) -> AuditEntry:
    """An entry that somebody else wrote may lack anything: it is carried all the same."""
    text = {name.decode(errors="replace"): _text(value) for name, value in fields.items()}
    at_ms = text.get("at_ms", "")
    own_ms = stream_id.removeprefix("h").partition("-")[0]
    return AuditEntry(
        at=at_us(int(at_ms if at_ms.isdecimal() and len(at_ms) <= 13 else own_ms) * 1000),
        who=text.get("who", ""),
        what=text.get("what", ""),
        target=text.get("target", ""),
        detail=text.get("detail", ""),
        stream_id=stream_id,
    )


def _text(value: bytes) -> str:
    """Whatever an id holds, Postgres must be able to keep it."""
    return value.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
