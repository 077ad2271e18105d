"""Where a list goes on, as clients get it (`next`) and send it back (`after`). Pure."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def written(place: Any) -> str:
    """Return a place as a text that needs no quoting in an address."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def read(text: str, kind: type[T]) -> T:
    """Return the place that `written` has made this text of.

    Raises:
        ValueError: it is none of this kind, or holds a NUL character, which no database can be asked for.
    """
    padded = text.encode() + b"=" * (-len(text) % 4)
    decoded = base64.b64decode(padded, b"-_", validate=True)  # its errors are such, and msgspec's
    if rb"\u0000" in decoded:
        raise ValueError
    return msgspec.json.decode(decoded, type=kind)
