"""A TCP proxy in front of Redis that lets a chosen script run and cuts its answer off, or keeps it for a while."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha1
from urllib.parse import urlsplit

import trio

from sender.queue.script_loader import source

_CHUNK = 65_536
_DIGEST = 40


class RedisProxy:
    """Passes bytes on; `url` is Redis's, through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._parts = parts
        self._digest = b""
        self._after = 0
        self._chance = 0.0
        self._kept: trio.Event | None = None
        self._random = random.Random()  # noqa: S311 - which answers are lost is no secret
        self.cuts = 0
        self.cut = trio.Event()
        """An answer was cut off, after its script had run."""
        self.port = 0

    @property
    def url(self) -> str:
        """Redis's address, by way of the proxy."""
        login = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{login}@127.0.0.1:{self.port}").geturl()

    def cut_answer(self, script: str, *, after: int = 0) -> None:
        """Cut off the answer to the next call of this script, `after` so many calls have been answered."""
        self._digest = sha1(source(script).encode(), usedforsecurity=False).hexdigest().encode()
        self._after = after
        self.cut = trio.Event()

    def keep_answer(self, script: str) -> trio.Event:
        """Keep back the answer to the next call of this script until the returned event is set."""
        self.cut_answer(script)
        self._kept = trio.Event()
        return self._kept

    def cut_some_answers(self, chance: float, seed: int) -> None:
        """From now on cut this part of all scripts' answers off."""
        self._chance, self._random = chance, random.Random(seed)  # noqa: S311

    async def serve(self, client: trio.SocketStream) -> None:
        """Carry one connection."""
        async with client, await trio.open_tcp_stream(*self._target) as server:
            with trio.CancelScope() as connection:
                wanted = trio.Event()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._requests, client, server, wanted, connection)
                    nursery.start_soon(self._answers, client, server, wanted, connection)

    async def _requests(
        self, client: trio.SocketStream, server: trio.SocketStream, wanted: trio.Event, connection: trio.CancelScope
    ) -> None:
        before = b""
        try:
            while data := await client.receive_some(_CHUNK):
                if self._is_chosen(before + data):
                    wanted.set()
                before = data[-_DIGEST + 1 :]
                await server.send_all(data)
        except trio.BrokenResourceError:
            pass  # one side went away; so do we
        connection.cancel()

    async def _answers(
        self, client: trio.SocketStream, server: trio.SocketStream, wanted: trio.Event, connection: trio.CancelScope
    ) -> None:
        try:
            while data := await server.receive_some(_CHUNK):
                if wanted.is_set() and not data.startswith(b"-NOSCRIPT"):
                    self.cut.set()
                    self.cuts += 1
                    if self._kept is None:
                        break
                    await self._kept.wait()
                    self._kept, wanted = None, trio.Event()
                await client.send_all(data)
        except trio.BrokenResourceError:
            pass
        connection.cancel()

    def _is_chosen(self, data: bytes) -> bool:
        if self._chance:
            return b"EVALSHA" in data and self._random.random() < self._chance
        if not self._digest or self._digest not in data or b"EVALSHA" not in data:
            return False
        self._after -= 1
        if self._after >= 0:
            return False
        self._digest = b""
        return True


@asynccontextmanager
async def open_proxy(url: str) -> AsyncIterator[RedisProxy]:
    """Yield a proxy that listens on a port of its own."""
    proxy = RedisProxy(url)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, proxy.serve, 0, host="127.0.0.1"))
        proxy.port = listener.socket.getsockname()[1]
        yield proxy
        nursery.cancel_scope.cancel()
