"""What tests ask and tell the running server: ledger, counts, settings, reset, refused connections."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from ops.fakegraph.behaviour import BehaviourChange
from ops.fakegraph.connection import Connection, Connections
from ops.fakegraph.graph import Graph
from ops.fakegraph.ledger import Tally
from ops.fakegraph.listener import Listener
from ops.fakegraph.mix import ErrorMix, Latency, drawable
from ops.fakegraph.options import FakeGraphUsageError, check_page_limit
from ops.fakegraph.refusals import Refusals
from ops.fakegraph.requests import Request


class Change(BehaviourChange, forbid_unknown_fields=True):
    """A body of `POST /__control`; what is left out stays as it is. Beside these: all of BehaviourChange.

    Attributes:
        errors: The new error mix, rate by answer name; replaces the whole mix.
        failure_rate: Rate of the usual recipient errors, on top of the new `errors` (alone: the only errors).
        next: Names of the answers to the coming messages, in order, before the mix is asked.
        latency_ms: Median latency; without `latency_p99_ms` in the same body it is constant.
        latency_p99_ms: 99th percentile, only together with `latency_ms`.
        slow_answer_ms: What `slow_answer` adds.
        page_limit: Messages per second and page; null for no limit.
        pause: True: requests are decided and recorded as always, but no answer leaves until it is false again.
        refuse_ms: Refuse new connections for so long and close the idle ones; 0 takes them again at once.
    """

    errors: dict[str, float] | None = None
    failure_rate: float | None = None
    next: list[str] | None = None
    latency_ms: float | None = None
    latency_p99_ms: float | None = None
    slow_answer_ms: float | None = None
    page_limit: float | msgspec.UnsetType | None = msgspec.UNSET
    pause: bool | None = None
    refuse_ms: float | None = None


@dataclass(slots=True)
class Control:
    """The paths under `/__`."""

    graph: Graph
    connections: Connections
    listener: Listener
    refusals: Refusals = field(init=False)
    _routes: dict[tuple[bytes, bytes], Callable[[Connection, Request], None]] = field(init=False)

    def __post_init__(self) -> None:
        self.refusals = Refusals(self._refuse_for)
        self._routes = {
            (b"GET", b"/__ledger"): lambda connection, _: connection.run(self._stream_ledger(connection)),
            (b"GET", b"/__ledger/summary"): lambda connection, _: connection.run(self._summarize(connection)),
            (b"GET", b"/__requests"): self._count,
            (b"GET", b"/__posts"): lambda connection, _: connection.run(self._stream_posts(connection)),
            (b"GET", b"/__limits"): lambda connection, _: _answer(connection, self.graph.limit_counts()),
            (b"POST", b"/__control"): lambda connection, request: connection.run(self._change(connection, request)),
            (b"POST", b"/__reset"): self._reset,
        }

    def serve(self, connection: Connection, request: Request) -> None:
        """Answer one request."""
        route = self._routes.get((request.method, request.url))
        if route is None:
            paths = ", ".join(f"{method.decode()} {path.decode()}" for method, path in self._routes)
            _answer(connection, {"error": f"there are {paths}"}, b"404 Not Found")
            return
        route(connection, request)

    async def _stream_ledger(self, connection: Connection) -> None:
        await _stream(connection, self.graph.ledger.slices())

    async def _stream_posts(self, connection: Connection) -> None:
        await _stream(connection, self.graph.posts.slices())

    async def _summarize(self, connection: Connection) -> None:
        tally = Tally()
        for messages in self.graph.ledger.slices():
            tally.add(messages)
            await asyncio.sleep(0)  # the messages of others go first
        _answer(connection, tally.summary(self.graph.requests))

    def _count(self, connection: Connection, _: Request) -> None:
        counts = {
            "requests": self.graph.requests,
            "accepted": len(self.graph.ledger),
            "answers": self.graph.answers,
            "connections_opened": self.connections.opened,
            "connections_open": sum(not each.for_control for each in self.connections.open),
        }
        _answer(connection, counts)

    def _reset(self, connection: Connection, _: Request) -> None:
        self.graph.reset()
        self.connections.opened = 0
        _answer(connection, {})

    async def _change(self, connection: Connection, request: Request) -> None:
        try:
            await self._apply(msgspec.json.decode(request.body, type=Change))
        except (msgspec.DecodeError, FakeGraphUsageError) as exc:
            _answer(connection, {"error": str(exc)}, b"400 Bad Request")
            return
        _answer(connection, self._settings())

    async def _apply(self, change: Change) -> None:
        """Check everything first, so that a refused change changes nothing."""
        graph = self.graph
        behaviour = graph.behaved(change)
        mix, latency = self._new_mix(change), graph.latency
        upcoming = drawable(graph.catalogue, change.next or [])
        if change.latency_ms is not None:
            latency = Latency(change.latency_ms, change.latency_p99_ms, graph.random)
        elif change.latency_p99_ms is not None:
            raise FakeGraphUsageError("latency_p99_ms needs latency_ms beside it")
        page_limit = graph.page_limit if isinstance(change.page_limit, msgspec.UnsetType) else change.page_limit
        check_page_limit(page_limit)
        if change.next is not None:
            mix.upcoming.clear()
            mix.upcoming.extend(upcoming)
        if change.slow_answer_ms is not None:
            graph.slow_answer_s = change.slow_answer_ms / 1000
        graph.mix, graph.latency, graph.page_limit = mix, latency, page_limit
        if change.pause is not None:
            self.connections.pause(change.pause)
        refused, graph.behaviour = graph.refusing(), behaviour
        if change.outages is not None:
            self.refusals.plan(behaviour.outages.refusing)
        if change.refuse_ms is not None:
            await self._refuse(change.refuse_ms)
        elif refused and not graph.refusing():
            await self.listener.open()

    def _new_mix(self, change: Change) -> ErrorMix:
        if change.errors is None and change.failure_rate is None:
            return self.graph.mix
        mix = ErrorMix(self.graph.catalogue, change.errors or {}, change.failure_rate or 0.0, self.graph.random)
        mix.upcoming.extend(self.graph.mix.upcoming)
        return mix

    async def _refuse(self, for_ms: float) -> None:
        if for_ms > 0:
            self._refuse_for(for_ms / 1000)
        else:
            await self.listener.open()

    def _refuse_for(self, for_s: float) -> None:
        self.listener.refuse_for(for_s)
        self.connections.close_idle()

    def _settings(self) -> dict[str, object]:
        graph = self.graph
        return {
            "errors": graph.mix.rates,
            "next": [answer.name for answer in graph.mix.upcoming],
            "latency_ms": graph.latency.median_ms,
            "latency_p99_ms": graph.latency.p99_ms,
            "slow_answer_ms": graph.slow_answer_s * 1000,
            "page_limit": graph.page_limit,
            "pause": self.connections.held is not None,
            "refuse": not self.listener.is_open,
            **graph.behaviour.told,
        }


async def _stream(connection: Connection, slices: Iterable[Sequence[msgspec.Struct]]) -> None:
    """Answer with one line for each, while the messages of others go first."""
    await connection.write_part(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    lines = msgspec.json.Encoder()
    for records in slices:
        chunk = lines.encode_lines(records)
        await connection.write_part(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await asyncio.sleep(0)
    connection.finish(b"0\r\n\r\n")


def _answer(connection: Connection, body: object, status: bytes = b"200 OK") -> None:
    text = msgspec.json.encode(body)
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(text))
    connection.finish(head + text)
