"""What httpx promises of every transport: its four time-outs, and errors by its names."""

from __future__ import annotations

import math
from typing import ClassVar

import anyio
import httpx

from sender.graph.http.errors import AnswerLost, TransportError
from sender.graph.http.origin import DEFAULT_PORTS, Origin


class TimeLimits:
    """httpx's four time-outs, in seconds, as the moving deadline of one scope: a scope for each would cost more."""

    _ERRORS: ClassVar[dict[str, type[httpx.TimeoutException]]] = {
        "pool": httpx.PoolTimeout,
        "connect": httpx.ConnectTimeout,
        "write": httpx.WriteTimeout,
        "read": httpx.ReadTimeout,
    }

    def __init__(self, request: httpx.Request) -> None:
        self._seconds: dict[str, float | None] = request.extensions.get("timeout", {})
        self._phase = "pool"
        self.scope = anyio.CancelScope()

    def begin(self, phase: str) -> None:
        """Begin the wait of this time-out."""
        self._phase = phase
        seconds = self._seconds.get(phase)
        self.scope.deadline = math.inf if seconds is None else anyio.current_time() + seconds

    def passed(self, request: httpx.Request) -> httpx.TimeoutException:
        """Return the error to raise when the scope has ended without an answer."""
        return self._ERRORS[self._phase](f"no end of {self._phase} in time", request=request)


def origin_of(request: httpx.Request) -> Origin:
    """Return where a request goes. Raises httpx.UnsupportedProtocol."""
    url = request.url
    if url.scheme not in DEFAULT_PORTS or request.method == "CONNECT":
        raise httpx.UnsupportedProtocol(f"cannot serve {request.method} {url.scheme}://", request=request)
    return Origin(url.scheme == "https", url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme])


def translated(error: TransportError, request: httpx.Request) -> httpx.TransportError:
    """Return httpx's error for one of ours."""
    kind: type[httpx.TransportError]
    if isinstance(error, AnswerLost):
        by_phase = {"write": httpx.WriteError, "read": httpx.ReadError}
        kind = by_phase.get(error.phase, httpx.RemoteProtocolError)
    else:
        kind = httpx.ProxyError if error.phase == "proxy" else httpx.ConnectError
    return kind(str(error), request=request)
