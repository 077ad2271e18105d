"""Reading the clock of a limit, for those who show or move it. What keeps it are the scripts (lib/gcra.lua). Pure."""

from __future__ import annotations

from typing import Final

import msgspec

_NOTHING: Final = b"\x80"


class LimitClock(msgspec.Struct):
    """Of a page's texts or media, or of the app: up to when its limit is used up (us), and at how many us a message."""

    tat: float = 0
    cell: float = 0
    limit: float = 0
    counted: float = 0
    before: float = 0
    from_us: float = msgspec.field(name="from", default=0)


_DECODER = msgspec.msgpack.Decoder(LimitClock)


def decode_clock(packed: bytes | None) -> LimitClock:
    """Return the clock in this value of Redis; one that nobody has used when there is none, or it cannot be read."""
    try:
        return _DECODER.decode(packed or _NOTHING)
    except msgspec.MsgspecError:
        return LimitClock()


def encode_clock(clock: LimitClock) -> bytes:
    """Return the value that the scripts read."""
    return msgspec.msgpack.encode(clock)
