"""Event streams over real connections: one reader for all, and an end for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h11
import httpx
import pytest
import trio
from quart import Response, request
from quart_trio import QuartTrio
from structlog.testing import capture_logs

from ops.access.proxies import TrustedProxies
from ops.api import app as api_app
from ops.api.door import client_connection, event_feeds
from ops.api.door.client_connection import serve_connections
from ops.api.door.event_feeds import EventFeeds
from ops.api.door.gate import Gate
from ops.api.parts import Parts
from ops.api.web import make_app
from tests.patience import patience_s
from tests.unit.api.test_openapi import PARTS

SOON_S = 0.1
EVENTS = "/try/events"


class Desk:
    """What the streams of a test are made of, and what came of them."""

    def __init__(self) -> None:
        self.readings = 0
        self.padding = ""
        self.allowed = True
        self.error: Exception | None = None
        self.feeds = EventFeeds(most=3, most_of_a_client=2)
        self.stop = trio.Event()

    async def read(self) -> dict[str, str]:
        if self.error:
            raise self.error
        self.readings += 1
        return {"count": f"{self.readings}{self.padding}", "same": "as ever"}

    async def still(self) -> bool:
        return self.allowed

    def add_route(self, app: QuartTrio) -> None:
        @app.get(EVENTS)
        async def events() -> Response:
            client = request.args.get("client", "here")
            return self.feeds.stream("key", self.read, every_s=0.01, client=client, still=self.still)


@asynccontextmanager
async def serving(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """Serve it; ends at the desk's stop, without any drain."""
    parts = Parts(settings=PARTS.settings, redis=PARTS.redis, board=PARTS.board, access=PARTS.access, feeds=desk.feeds)
    app = make_app(parts)
    desk.add_route(app)
    gate = Gate(app, 0, TrustedProxies(None))
    listener = api_app._listen("127.0.0.1", 0)
    url = api_app._url(listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(desk.feeds.run, desk.stop)
        nursery.start_soon(serve_connections, gate, api_app._hypercorn(), listener, desk.stop)
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=patience_s()) as client:
            yield client
        desk.stop.set()


class Stream:
    """A client of one stream: httpx leaves half read answers to the collector."""

    def __init__(self, tcp: trio.SocketStream) -> None:
        self._tcp = tcp
        self._http = h11.Connection(h11.CLIENT)
        self._text = ""

    async def ask(self, target: str) -> h11.Response:
        request_ = h11.Request(method="GET", target=target, headers=[("Host", "localhost")])
        await self._tcp.send_all(self._http.send(request_) + self._http.send(h11.EndOfMessage()))
        answer = await self._next()
        assert isinstance(answer, h11.Response)
        return answer

    async def event(self) -> str:
        """Return the next event's lines, or a comment's; `end` at the end."""
        while "\n\n" not in self._text:
            part = await self._next()
            if isinstance(part, h11.EndOfMessage):
                return "end"
            assert isinstance(part, h11.Data)
            self._text += bytes(part.data).decode()
        event, _, self._text = self._text.partition("\n\n")
        return event

    def begin_anew(self) -> None:
        self._http.start_next_cycle()

    async def end(self) -> None:
        with trio.fail_after(patience_s()):
            while await self.event() != "end":
                pass

    async def _next(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._tcp.receive_some())
        assert isinstance(event, h11.Event)
        return event


@asynccontextmanager
async def connected(client: httpx.AsyncClient) -> AsyncIterator[Stream]:
    async with await trio.open_tcp_stream("127.0.0.1", client.base_url.port or 0) as tcp:
        yield Stream(tcp)


@asynccontextmanager
async def looking(client: httpx.AsyncClient, who: str = "here") -> AsyncIterator[Stream]:
    """Open a stream of the API that this client is of."""
    async with connected(client) as stream:
        answer = await stream.ask(f"{EVENTS}?client={who}")
        assert answer.status_code == 200
        headers = dict(answer.headers)
        assert headers[b"content-type"] == b"text/event-stream"
        assert headers[b"cache-control"] == b"no-store"
        assert await stream.event() == "retry: 3000"
        yield stream


async def until(true: Callable[[], bool]) -> None:
    with trio.fail_after(patience_s()):
        while not true():
            await trio.sleep(0.01)


async def test_all_viewers_share_one_reader_and_get_what_changed() -> None:
    desk = Desk()
    async with serving(desk) as client:
        async with looking(client) as one, looking(client) as other:
            assert (await one.event()).startswith("event: count\ndata: ")
            assert await one.event() == "event: same\ndata: as ever"
            news = [await one.event() for _ in range(5)]
            assert all(event.startswith("event: count\ndata: ") for event in news)
            assert (await other.event()).startswith("event: ")
            assert len(desk.feeds._feeds) == 1
        await until(lambda: not desk.feeds._feeds)  # nobody looks: nobody reads
        assert desk.feeds._viewers.total() == 0


async def test_a_quiet_stream_outlives_the_time_in_which_a_client_must_say_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(api_app, "SILENT_FOR_S", SOON_S)
    monkeypatch.setattr(event_feeds, "HEARTBEAT_S", SOON_S)
    desk = Desk()

    async def read() -> dict[str, str]:
        return {"a": "1"}

    desk.read = read  # type: ignore[method-assign]
    async with serving(desk) as client, looking(client) as stream:
        assert [await stream.event() for _ in range(6)] == ["event: a\ndata: 1", *5 * [":"]]


async def test_streams_end_at_the_stop() -> None:
    desk = Desk()
    with trio.fail_after(patience_s()):
        async with serving(desk) as client, looking(client) as stream:
            await stream.event()
            desk.stop.set()
            await stream.end()


async def test_a_stream_ends_once_its_viewer_may_look_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feeds, "HEARTBEAT_S", SOON_S)
    desk = Desk()
    async with serving(desk) as client, looking(client) as stream:
        await stream.event()
        desk.allowed = False
        await stream.end()
        stream.begin_anew()  # the connection serves on
        assert (await stream.ask("/health/live")).status_code == 200


async def test_more_streams_than_may_be_are_refused() -> None:
    desk = Desk()
    async with serving(desk) as client:
        async with looking(client, "a"), looking(client, "a"):
            await refused(client, "a", "a has 2 event streams")
            async with looking(client, "b"):
                await refused(client, "c", "3 event streams")
        await until(lambda: not desk.feeds._viewers.total())
        async with looking(client, "a"):
            pass


async def refused(client: httpx.AsyncClient, who: str, why: str) -> None:
    answer = await client.get(EVENTS, params={"client": who})
    assert answer.status_code == 503
    assert why in answer.json()["detail"]
    assert "Retry-After" in answer.headers


async def test_who_reads_nothing_is_left_alone_and_costs_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_connection, "READ_WITHIN_S", SOON_S)
    desk = Desk()
    desk.padding = 1_000_000 * "x"  # more than the buffers between two ends take
    async with serving(desk) as client, connected(client) as deaf:
        await deaf.ask(EVENTS)
        await until(lambda: desk.readings > 0)
        await until(lambda: not desk.feeds._viewers.total())


async def test_head_opens_no_stream() -> None:
    desk = Desk()
    async with serving(desk) as client:
        answer = await client.head(EVENTS)
        assert answer.status_code == 200
        assert desk.readings == 0


async def test_a_reader_that_fails_ends_its_streams() -> None:
    desk = Desk()
    async with serving(desk) as client, looking(client) as stream:
        await stream.event()
        with capture_logs() as logged:
            desk.error = RuntimeError("no more")
            await stream.end()
        assert [line["event"] for line in logged] == ["event_feed_failed"]
