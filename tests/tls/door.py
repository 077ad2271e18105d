"""A door with TLS before a server that speaks none, as a provider's proxy is: what comes in goes on in plain.

Blocking sockets: unlike asyncio's streams they send the alert that says why a handshake failed.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)
_GSS_REQUEST = (8).to_bytes(4) + (80877104).to_bytes(4)
_BYTES = 65536


@contextmanager
def tls_door(server: str, context: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """Open a door on loopback before `server` (host:port); yield its port.

    `postgres`: TLS begins where PostgreSQL's clients ask for it; others are told that it is required.
    """
    inside: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def enter(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):  # clients that refuse us are what it is for
            if postgres and not _asks_for_tls(client):
                client.sendall(_REQUIRED)
                return
            with context.wrap_socket(client, server_side=True, do_handshake_on_connect=False) as tls:
                inside.append(tls)
                if _shakes_hands(tls):
                    with _connected(server) as far:
                        inside.append(far)
                        _pump(tls, far)

    def listen() -> None:
        with contextlib.suppress(OSError):  # closed at the end
            while True:
                client, _ = listener.accept()
                client.settimeout(60)
                inside.append(client)
                threads.append(threading.Thread(target=enter, args=(client,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = threading.Thread(target=listen)
        listening.start()
        try:
            yield listener.getsockname()[1]
        finally:
            _end(listener)
            listening.join()
            for one in inside:
                _end(one)
            for thread in threads:
                thread.join()


def _shakes_hands(tls: ssl.SSLSocket) -> bool:
    """Where it fails, hear the client out first: closing earlier may take the alert back that says why."""
    try:
        tls.do_handshake()
    except ssl.SSLError:
        socket.socket.shutdown(tls, socket.SHUT_WR)
        while socket.socket.recv(tls, _BYTES):
            pass
        return False
    return True


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(one, socket.SHUT_RDWR)  # below TLS: wakes whoever waits for it


def _connected(server: str) -> socket.socket:
    host, _, port = server.rpartition(":")
    return socket.create_connection((host, int(port)))


def _asks_for_tls(client: socket.socket) -> bool:
    while (asked := client.recv(8)) == _GSS_REQUEST:
        client.sendall(b"N")
    if asked != _SSL_REQUEST:
        return False
    client.sendall(b"S")
    return True


def _message(fields: bytes) -> bytes:
    return b"E" + (len(fields) + 4).to_bytes(4) + fields


_REQUIRED = _message(b"SFATAL\0VFATAL\0C28000\0MSSL connection is required\0\0")


def _pump(tls: ssl.SSLSocket, far: socket.socket) -> None:
    """Carry bytes both ways until one side ends. One thread: two must not use one TLS connection at a time."""
    while True:
        ready = [tls] if tls.pending() else select.select([tls, far], [], [])[0]
        for source in ready:
            data = source.recv(_BYTES)
            if not data:
                return
            (far if source is tls else tls).sendall(data)
