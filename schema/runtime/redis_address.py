"""The address of Redis, and what goes with it: who knows the primary, and how many replicas must have a mark."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

import msgspec

SENTINEL_PORT = 26379
_OURS = ("sentinels", "mark_replicas", "mark_replicas_within_ms")


class MarkReplicas(msgspec.Struct, frozen=True):
    """How many replicas must have what may not be lost before it counts, and how long (ms) they may take."""

    wanted: int = 0
    within_ms: int = 1000


def address_with(url: str, *, sentinels: str | None, replicas: MarkReplicas) -> str:
    """Return an address that also says where to ask for the primary, and how many replicas must have a mark."""
    more = {"sentinels": sentinels} if sentinels else {}
    if replicas.wanted:
        more |= {"mark_replicas": str(replicas.wanted), "mark_replicas_within_ms": str(replicas.within_ms)}
    return f"{without_ours(url)}{'&' if '?' in without_ours(url) else '?'}{urlencode(more)}" if more else url


def without_ours(url: str) -> str:
    """Return the address as redis-py takes it. ValueError: it cannot be read."""
    return taken_apart(url)[0]


def taken_apart(url: str) -> tuple[str, dict[str, str]]:
    """Return the address as redis-py takes it, and what `address_with` has added."""
    base, _, query = url.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    ours = {name: value for name, value in pairs if name in _OURS}
    if not ours:
        return url, {}
    rest = urlencode([(name, value) for name, value in pairs if name not in _OURS])
    return f"{base}?{rest}" if rest else base, ours


def sentinels_at(given: str) -> list[dict[str, Any]]:
    """Return how to connect to each of host:port or user:password@host:port, commas between. ValueError: to one not."""
    found: list[dict[str, Any]] = []
    for one in given.split(","):
        try:
            parts = urlsplit(f"redis://{one.strip()}")
            host, port = parts.hostname, parts.port or SENTINEL_PORT
        except ValueError:
            host = None
        if not host or parts.path or parts.query:
            raise ValueError("must be host:port, or user:password@host:port, or several with commas between")
        login = {"username": unquote(parts.username or "") or None, "password": unquote(parts.password or "") or None}
        found.append({"host": host, "port": port, **login})
    return found
