"""What a freshly opened connection is like, before any request."""

from __future__ import annotations

import resource
import socket
import ssl
from pathlib import Path

import httpx
import pytest
import trio

from sender.graph.http.connection import Connection
from sender.graph.http.counters import Tally
from sender.graph.http.dial import dial, tls_context
from sender.graph.http.errors import NotSent
from sender.graph.http.origin import Origin
from sender.graph.http.response import ResponseParser
from tests.integration.graph.http.scripted_server import scripted_server, tcp_server
from tests.tls.certificates import Authority


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_sends_at_once_and_never_blocks_the_loop(secure: bool, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = authority.server_context("localhost") if secure else None
    async with scripted_server(tls=tls) as (_, origin):
        with await dial(origin, tls_context(authority.ca_file), None) as sock:
            assert isinstance(sock, ssl.SSLSocket) == secure
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            assert sock.gettimeout() == 0


async def test_a_process_without_descriptors_sends_nothing_and_says_so() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as last:
        # one descriptor for the connection, none for a handle of our own
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno() + 2, limits[1]))
        try:
            with pytest.raises(NotSent, match="Too many open files"):
                await dial(Origin(False, "127.0.0.1", server.getsockname()[1]), tls_context(), None)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_authorities_come_with_us_where_the_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    context = tls_context()
    assert len(context.get_ca_certs()) > 50
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_file_of_authorities_replaces_the_known_ones(tmp_path: Path) -> None:
    assert len(tls_context(Authority(tmp_path).ca_file).get_ca_certs()) == 1


async def test_a_tls_record_that_left_in_part_counts_as_sent(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server_tls = authority.server_context("localhost")
    arrived = trio.Event()

    async def stop_reading(tcp: trio.SocketStream) -> None:
        await trio.SSLStream(tcp, server_tls, server_side=True).do_handshake()
        await tcp.receive_some(1)
        arrived.set()
        await trio.sleep_forever()

    async with tcp_server(stop_reading, receive_buffer_bytes=4096) as port:
        origin = Origin(True, "localhost", port)
        with await dial(origin, tls_context(authority.ca_file), None) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)  # less than a record
            connection = Connection(sock, origin, ResponseParser(1000, 1000), Tally())
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection.send, httpx.Request("POST", "http://graph/", content=bytes(16 * 1024)))
                await arrived.wait()
                nursery.cancel_scope.cancel()
    assert connection.sent_anything
