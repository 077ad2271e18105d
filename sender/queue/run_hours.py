"""Reading the hours that a run has in the queue, for those who show them. What obeys them is the claim. Pure."""

from __future__ import annotations

import msgspec

_WINDOWS = msgspec.msgpack.Decoder(dict[str, list[int]])


def is_closed(windows: bytes | None, now_ms: float) -> bool:
    """Say whether a run with these `windows` (schema/keys.py) is outside its hours, by the page's clock.

    None, or what cannot be read: it is not.
    """
    spans = _spans(windows)
    return spans is not None and not any(opens <= now_ms < closes for opens, closes in spans)


def opens_at_ms(windows: bytes | None, now_ms: float) -> int | None:
    """Return when its next hours begin, by the page's clock; None: they are open, or it is not known."""
    later = [opens for opens, _ in _spans(windows) or () if opens > now_ms]
    return min(later) if later and is_closed(windows, now_ms) else None


def _spans(windows: bytes | None) -> list[tuple[int, int]] | None:
    if windows is None:
        return None
    try:
        moments = _WINDOWS.decode(windows).get("", [])
    except msgspec.DecodeError:
        return None
    return list(zip(moments[::2], moments[1::2], strict=False))
