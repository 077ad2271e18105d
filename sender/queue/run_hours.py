"""Reading the hours that a run has in the queue, for those who show them. What obeys them is the claim. Pure."""

from __future__ import annotations

import msgspec

_WINDOWS = msgspec.msgpack.Decoder(dict[str, list[int]])


def is_closed(windows: bytes | None, now_ms: float) -> bool:
    """Say whether a run with these `windows` (schema/keys.py) is outside its hours, by the page's clock.

    None, or what cannot be read: it is not.
    """
    if windows is None:
        return False
    try:
        moments = _WINDOWS.decode(windows).get("", [])
    except msgspec.DecodeError:
        return False
    return not any(opens <= now_ms < closes for opens, closes in zip(moments[::2], moments[1::2], strict=False))
