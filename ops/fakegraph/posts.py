"""Every message that came in, with the moment, whether it was accepted or refused. In memory."""

import time
from collections.abc import Iterator

import msgspec

SLICE = 2000


class Post(msgspec.Struct, array_like=True, gc=False):
    """One message as it came in, alone or in a batch; all members of a batch came in at once."""

    at_us: int
    page: str
    person: str
    metadata: str
    answer: str


class PostLine(msgspec.Struct, gc=False):
    """The same as `GET /__posts` gives it; `at_ms` is Unix time with three decimals."""

    at_ms: float
    page: str
    person: str
    metadata: str
    answer: str


class Posts:
    """An append-only list of encoded posts: about 150 bytes each, so millions fit."""

    def __init__(self) -> None:
        self._entries: list[bytes] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Post).decode

    def add(self, page: str, person: str, metadata: str, answer: str) -> None:
        """Record one message that comes in now."""
        self._entries.append(self._encode((time.time_ns() // 1000, page, person, metadata, answer)))

    def reset(self) -> None:
        """Forget every message."""
        self._entries = []

    def slices(self) -> Iterator[list[PostLine]]:
        """What there is now, in order, in slices, so that a caller may let others work between them."""
        entries, end = self._entries, len(self._entries)
        for start in range(0, end, SLICE):
            posts = [self._decode(entry) for entry in entries[start : min(start + SLICE, end)]]
            yield [PostLine(p.at_us / 1000, p.page, p.person, p.metadata, p.answer) for p in posts]
