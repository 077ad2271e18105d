"""The listening socket, which can refuse connections for a while without losing its port."""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable

from ops.fakegraph.options import FakeGraphOptions


class Listener:
    """Listens on one address, once opened.

    A second socket, bound but never listening, keeps the port while connections are refused.

    Args:
        options: Address and backlog.
        tls: Serve TLS with this.
        protocol: Makes the protocol of a connection.

    Raises:
        OSError: The address is taken or not ours.
    """

    def __init__(
        self, options: FakeGraphOptions, tls: ssl.SSLContext | None, protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._tls, self._protocol, self._backlog = tls, protocol, options.backlog
        self._keeper = _bound(options.host, options.port)
        self._host, self.port = self._keeper.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._refusal: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """What a client is given."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None

    async def open(self) -> None:
        """Take connections, from now on."""
        async with self._opening:
            if self._server is None:
                self._server = await asyncio.get_running_loop().create_server(
                    self._protocol,
                    sock=_bound(self._host, self.port),
                    ssl=self._tls,
                    backlog=self._backlog,
                )

    def refuse_for(self, seconds: float) -> None:
        """Refuse connections for that long, counted from the last call."""
        self._stop_listening()
        self._refusal = asyncio.get_running_loop().create_task(self._open_later(seconds))

    def close(self) -> None:
        """Refuse connections for good and give the port back."""
        self._stop_listening()
        self._keeper.close()

    async def _open_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.open()

    def _stop_listening(self) -> None:
        if self._refusal is not None:
            self._refusal.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        # Lets the keeper and the listening socket share the port, and a restart take it at once. On Linux
        # a second server is refused all the same while the first one listens; elsewhere sharing needs more.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform != "linux":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound
