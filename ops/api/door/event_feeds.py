"""Event streams (server-sent events): one reader for all who look at the same, however many and however slow.

A viewer gets the newest of each event, once. What it was too slow for it never sees, so that nothing piles up for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping
from types import TracebackType
from typing import Any

import structlog
import trio
from quart import Response, request
from quart.wrappers.response import ResponseBody

log = structlog.get_logger()

MOST_STREAMS = 400
MOST_STREAMS_OF_A_CLIENT = 200
"""Many people may come from one address, behind a proxy or at one machine."""
HEARTBEAT_S = 10.0
"""Nothing new for so long: a comment goes out, which keeps proxies from hanging up and finds viewers that are gone."""
LAST_BYTES_WITHIN_S = 10.0
"""Nobody is waited for longer at the end of a stream."""
COME_AGAIN_MS = 3000
_HELLO = b"retry: %d\n\n" % COME_AGAIN_MS
_HEARTBEAT = b":\n\n"
_HEADERS = {"X-Accel-Buffering": "no"}  # nginx would hold frames back

Read = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the data of each event by its name; of those that are as before, nothing is sent."""
Still = Callable[[], Awaitable[bool]]


class TooManyStreams(Exception):
    """Another stream would be one too many; the text says of whom."""


class Feed:
    """The newest of each event of one reader, numbered as they changed."""

    def __init__(self) -> None:
        self.viewers = 0
        self.ended = False
        self._newest: dict[str, tuple[int, str, bytes]] = {}
        self._number = 0
        self._news = trio.Event()

    def publish(self, events: Mapping[str, str]) -> None:
        """Take what was read; events that are no more among it are forgotten."""
        before, self._number = self._newest, self._number + 1
        self._newest = {
            name: known if (known := before.get(name)) and known[1] == data else (self._number, data, frame(name, data))
            for name, data in events.items()
        }
        self._wake()

    def since(self, number: int) -> tuple[int, bytes]:
        """Return the frames that came after a number, and the number to ask with next."""
        news = sorted((n, as_sent) for n, _, as_sent in self._newest.values() if n > number)
        return self._number, b"".join(as_sent for _, as_sent in news)

    def end(self) -> None:
        """Say that nothing more comes."""
        self.ended = True
        self._wake()

    async def news(self) -> None:
        """Wait until something was published, or the end."""
        await self._news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()


def frame(name: str, data: str) -> bytes:
    """Return an event as it is sent. Any line break of the data is one; a name with one is refused (ValueError)."""
    if re.search(r"[\r\n\0]", name):
        raise ValueError("the name of an event is one line")
    lines = re.split(r"\r\n|\r|\n", data)
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"]).encode()


class EventFeeds:
    """All streams of this process. `run` must be running; readers run while somebody looks."""

    def __init__(self, *, most: int = MOST_STREAMS, most_of_a_client: int = MOST_STREAMS_OF_A_CLIENT) -> None:
        self._most, self._most_of_a_client = most, most_of_a_client
        self._feeds: dict[Hashable, Feed] = {}
        self._viewers: Counter[str] = Counter()
        self._readers: trio.Nursery | None = None

    async def run(self, stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Let readers read until `stop`, at which all streams end."""
        async with trio.open_nursery() as self._readers:
            task_status.started()
            await stop.wait()
            self._readers.cancel_scope.cancel()
        self._readers = None

    def stream(self, key: Hashable, read: Read, *, every_s: float, client: str, still: Still) -> Response:
        """Return the answer to the request being handled: a stream that ends at a stop or when the viewer may no more.

        Args:
            key: what is looked at, and whose eyes it is made for: those who share it share one reader.
            read: called every `every_s` seconds. An error of it ends the streams, and viewers come again 3 s later.
            every_s: from the end of one reading to the next.
            client: the address that the request came from.
            still: asked now and then, at least every 10 s: whether the viewer may still look.

        Raises:
            TooManyStreams: as many are open as may be.
        """
        if self._viewers.total() >= self._most:
            raise TooManyStreams(f"{self._most} event streams are open already; close one, or come again later")
        if self._viewers[client] >= self._most_of_a_client:
            raise TooManyStreams(f"{client} has {self._most_of_a_client} event streams open already; close one")
        body = b"" if request.method == "HEAD" else EventStream(self, key, read, every_s, client, still)
        return Response(body, content_type="text/event-stream", headers=_HEADERS)

    def enter(self, key: Hashable, read: Read, every_s: float, client: str) -> Feed:
        """Count a viewer and return its feed."""
        feed = self._feeds.get(key) or self._started(key, read, every_s)
        feed.viewers += 1
        self._viewers[client] += 1
        return feed

    def leave(self, feed: Feed, client: str) -> None:
        """Count a viewer no more; the reader ends by itself."""
        feed.viewers -= 1
        self._viewers[client] -= 1
        self._viewers += Counter()  # forgets those with none

    def _started(self, key: Hashable, read: Read, every_s: float) -> Feed:
        feed = Feed()
        if self._readers is None:  # before the start, or at the stop
            feed.end()
        else:
            self._feeds[key] = feed
            self._readers.start_soon(self._keep_reading, key, feed, read, every_s)
        return feed

    async def _keep_reading(self, key: Hashable, feed: Feed, read: Read, every_s: float) -> None:
        try:
            while feed.viewers:
                feed.publish(await read())
                await trio.sleep(every_s)
        except Exception as exc:
            log.error("event_feed_failed", exc_info=exc)
        finally:
            del self._feeds[key]
            feed.end()


class EventStream(ResponseBody):
    """The body of one answer: frames for as long as it is sent."""

    def __init__(self, feeds: EventFeeds, key: Hashable, read: Read, every_s: float, client: str, still: Still) -> None:
        self._feeds = feeds
        self._arguments = (key, read, every_s, client)
        self._client = client
        self._still = still
        self._connection = request.scope["state"].get("connection")
        self._number = -1
        self.sending = trio.CancelScope()
        """What it is sent in, so that its last bytes are sent to their end though nobody waits for them any more."""

    async def __aenter__(self) -> EventStream:
        self._feed = self._feeds.enter(*self._arguments)
        self._ask_again_at = trio.current_time() + HEARTBEAT_S
        if self._connection is not None:
            self._connection.streams += 1
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.sending.shield, self.sending.deadline = True, trio.current_time() + LAST_BYTES_WITHIN_S
        self._feeds.leave(self._feed, self._client)
        if self._connection is not None:
            self._connection.streams -= 1

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> bytes:
        if self._number < 0:
            self._number = 0
            return _HELLO
        if trio.current_time() >= self._ask_again_at:
            self._ask_again_at = trio.current_time() + HEARTBEAT_S
            if not await self._still():
                raise StopAsyncIteration
        return await self._next_frame()

    async def _next_frame(self) -> bytes:
        with trio.move_on_after(HEARTBEAT_S):
            while True:
                self._number, frames = self._feed.since(self._number)
                if frames:
                    return frames
                if self._feed.ended:
                    raise StopAsyncIteration
                await self._feed.news()
        return _HEARTBEAT

    async def make_conditional(self, begin: int, end: int | None) -> Any:
        """Serve no part of it."""
        raise NotImplementedError
