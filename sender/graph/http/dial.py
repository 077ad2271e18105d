"""Opens one connection: DNS, TCP, the proxy's tunnel and TLS, each failing under its own name. No pooling here."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import anyio
import certifi
import httpx
from anyio.abc import SocketAttribute

from sender.graph.http.connection import Connection
from sender.graph.http.counters import Tally
from sender.graph.http.errors import NotSent, TransportError
from sender.graph.http.origin import Origin
from sender.graph.http.proxy import ProxySettings
from sender.graph.http.response import ResponseParser

_TUNNEL_ANSWER_BYTES = 16 * 1024


def tls_context(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that verifies certificates and host names.

    Trusts the system's and Mozilla's (certifi) authorities, or only those in `ca_file` (PEM).
    """
    context = ssl.create_default_context(cafile=ca_file)
    if ca_file is None:
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    # An answer that ends with the connection must end with TLS's own goodbye: else it could be cut unseen.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


async def dial(origin: Origin, tls: ssl.SSLContext, proxy: ProxySettings | None) -> socket.socket:
    """Return a connected, non-blocking socket, an `ssl.SSLSocket` for TLS; names are resolved anew each time.

    Raises:
        NotSent: in phase `dns`, `connect`, `proxy` or `tls`.
    """
    try:
        origin.host.encode("idna")  # fails within ssl otherwise, which then leaves the socket open
    except UnicodeError as exc:
        raise NotSent("dns", f"{origin.host} is no host name") from exc
    via = proxy if proxy is not None and proxy.applies_to(origin) else None
    sock = await _connect(via.host, via.port) if via else await _connect(origin.host, origin.port)
    try:
        if via:
            await _open_tunnel(sock, origin, via.authorization)
        return await _start_tls(sock, origin.host, tls) if origin.tls else sock
    except BaseException:
        sock.close()
        raise


async def _connect(host: str, port: int) -> socket.socket:
    try:
        stream = await anyio.connect_tcp(host, port)  # Happy Eyeballs over all addresses
    except socket.gaierror as exc:
        raise NotSent("dns", f"{host}: {exc}") from exc
    except OSError as exc:
        raise NotSent("connect", f"{host} port {port}: {exc.__cause__ or exc}") from exc
    # A handle of our own: the event loop's stream may neither read from it nor close it.
    try:
        sock: socket.socket = stream.extra(SocketAttribute.raw_socket).dup()  # noqa: S610 - not Django's `extra`
    except OSError as exc:  # this process has no descriptor left
        await stream.aclose()
        raise NotSent("connect", f"{host} port {port}: {exc}") from exc
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await stream.aclose()
    except BaseException:
        sock.close()
        raise
    return sock


async def _open_tunnel(sock: socket.socket, origin: Origin, authorization: str | None) -> None:
    headers = {"Host": origin.authority}
    if authorization is not None:
        headers["Proxy-Authorization"] = authorization
    target = {"target": origin.authority.encode("ascii")}
    request = httpx.Request("CONNECT", "http://tunnel", headers=headers, extensions=target)
    parser = ResponseParser(_TUNNEL_ANSWER_BYTES, _TUNNEL_ANSWER_BYTES)
    try:
        answer = await Connection(sock, origin, parser, Tally()).send(request)
    except TransportError as exc:
        raise NotSent("proxy", exc.reason) from exc
    if not 200 <= answer.status_code < 300:
        raise NotSent("proxy", f"refused the tunnel with HTTP {answer.status_code}")


async def _start_tls(sock: socket.socket, host: str, tls: ssl.SSLContext) -> ssl.SSLSocket:
    try:
        secure = tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    except OSError as exc:  # reset already
        raise NotSent("tls", f"{host}: {exc}") from exc
    try:
        while True:
            try:
                secure.do_handshake()
                return secure
            except ssl.SSLWantReadError:
                await anyio.wait_readable(secure)
            except ssl.SSLWantWriteError:
                await anyio.wait_writable(secure)
    except OSError as exc:
        secure.close()
        raise NotSent("tls", f"{host}: {getattr(exc, 'verify_message', '') or exc}") from exc
    except BaseException:
        secure.close()
        raise
