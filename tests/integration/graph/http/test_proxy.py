"""Tunnels through an HTTP proxy: what is sent to it, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from sender.graph.http.dial import tls_context
from sender.graph.http.errors import NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.proxy import ProxySettings
from tests.integration.graph.http.scripted_server import OK, REQUEST, lent, scripted_server, tcp_server
from tests.tls.certificates import Authority

GRAPH = Origin(tls=True, host="graph.test", port=443)


class Proxy:
    """Answers CONNECT with `answer`; tunnels everything to one port, whatever name was asked for."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.answer = b"HTTP/1.1 200 Connection established\r\n\r\n"
        self.heads: list[bytes] = []

    async def serve(self, client: trio.SocketStream) -> None:
        """Handle one connection until either side closes it."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await client.receive_some(1)
        self.heads.append(head)
        await client.send_all(self.answer)
        if b" 200 " not in self.answer:
            return
        server = await trio.open_tcp_stream("127.0.0.1", self.target_port)
        async with server, trio.open_nursery() as nursery:
            nursery.start_soon(self._copy, client, server, nursery)
            nursery.start_soon(self._copy, server, client, nursery)

    async def _copy(self, source: trio.SocketStream, target: trio.SocketStream, nursery: trio.Nursery) -> None:
        try:
            async for data in source:
                await target.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def proxied_graph(authority: Authority, *, no_proxy: str = "") -> AsyncIterator[tuple[Pool, Proxy]]:
    """Give a pool that reaches `graph.test` only through a proxy with credentials."""
    async with scripted_server(tls=authority.server_context("graph.test")) as (_, origin):
        proxy = Proxy(origin.port)
        async with tcp_server(proxy.serve) as port:
            settings = ProxySettings.from_url(f"http://ann:s3cret@127.0.0.1:{port}", no_proxy)
            pool = Pool(max_sockets=2, tls=tls_context(authority.ca_file), proxy=settings)
            yield pool, proxy
            await pool.aclose()
            assert pool.figures().open == 0


async def test_requests_go_through_the_tunnel_and_share_it(authority: Authority) -> None:
    async with proxied_graph(authority) as (pool, proxy):
        for _ in range(5):
            async with lent(pool, GRAPH) as connection:
                assert not connection.sent_anything
                assert (await connection.send(REQUEST)).content == b"hi"
        assert proxy.heads == [
            b"CONNECT graph.test:443 HTTP/1.1\r\nHost: graph.test:443\r\n"
            b"Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n\r\n"
        ]
        assert pool.figures().requests == 5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
            "refused the tunnel with HTTP 407",
        ),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "refused the tunnel with HTTP 502"),
        (b"HTTP/1.1 20", "closed within the head"),
        (b"", "closed without an answer"),
        (b"garbage\r\n\r\n", "not an HTTP answer"),
    ],
)
async def test_a_refused_tunnel_is_not_sent_and_shows_no_credentials(
    authority: Authority, answer: bytes, reason: str
) -> None:
    async with proxied_graph(authority) as (pool, proxy):
        proxy.answer, good = answer, proxy.answer
        with pytest.raises(NotSent, match=f"proxy: .*{reason}") as caught:
            await pool.acquire(GRAPH)
        assert caught.value.phase == "proxy"
        assert "s3cret" not in repr(caught.value)
        assert "YW5u" not in repr(caught.value)
        assert pool.figures().open == 0
        async with httpx.AsyncClient(transport=pool) as client:
            with pytest.raises(httpx.ProxyError):
                await client.get("https://graph.test/")
            proxy.answer = good
            assert (await client.get("https://graph.test/")).content == OK[-2:]


async def test_the_tunnels_far_end_is_verified_by_the_servers_name(authority: Authority) -> None:
    async with proxied_graph(authority) as (pool, _):
        with pytest.raises(NotSent, match=r"tls: other\.test: Hostname mismatch"):
            await pool.acquire(Origin(True, "other.test", 443))
        with pytest.raises(NotSent, match=r"dns: \.graph\.test is no host name"):
            await pool.acquire(Origin(True, ".graph.test", 443))
        assert pool.figures().open == 0


async def test_no_proxy_goes_directly(authority: Authority) -> None:
    here = "0.0.0.0"  # noqa: S104 - connects to this machine without being a loopback address
    async with scripted_server() as (_, gone):
        pass
    async with proxied_graph(authority, no_proxy=here) as (pool, proxy):
        with pytest.raises(NotSent, match=rf"connect: 0\.0\.0\.0 port {gone.port}"):
            await pool.acquire(Origin(True, here, gone.port))
        assert proxy.heads == []


async def test_a_proxy_that_is_away_is_not_sent(authority: Authority) -> None:
    async with scripted_server() as (_, gone):
        pass
    pool = Pool(max_sockets=1, tls=tls_context(authority.ca_file), proxy=ProxySettings("127.0.0.1", gone.port))
    with pytest.raises(NotSent, match=r"connect: 127\.0\.0\.1 port"):
        await pool.acquire(GRAPH)
    assert pool.figures().open == 0
