"""The gate before the application: how much each client may ask for. Too much is refused before it costs much."""

from __future__ import annotations

import math
from collections import Counter
from http import HTTPStatus

import msgspec
import structlog
import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
    WebsocketCloseEvent,
)

from ops.access.allowance import Allowance
from ops.access.attempts import network
from ops.access.proxies import TrustedProxies
from ops.api.door.problems import PROBLEM_TYPE
from ops.board.answers import Problem

log = structlog.get_logger()

MOST_CONNECTIONS = 800
"""In all; a process has 1024 files as a rule."""
MOST_CONNECTIONS_OF_A_CLIENT = 400
"""Of one that is no trusted proxy. A browser opens up to six, and many may be at one machine."""
BURST_S = 10
PRICE_OF_A_WRONG_TOKEN = 10
_LOG_EVERY_S = 60.0
_HEAD_ENDS = b"\r\n\r\n"
_NO_SOCKET: WebsocketCloseEvent = {"type": "websocket.close", "code": 1013, "reason": None}


class Gate:
    """An ASGI application around another, which is told the true address of each client."""

    def __init__(self, app: ASGIFramework, per_s: float, proxies: TrustedProxies) -> None:
        """`per_s`: requests of one client, and `BURST_S` times as many at once; 0 for any number."""
        self._app = app
        self._requests = Allowance(max(1, round(BURST_S * per_s)), 1 / per_s if per_s else 0.0)
        self._proxies = proxies
        self._connections: Counter[str] = Counter()
        self._told_at_s = -math.inf

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] == "lifespan":
            return
        peer, port = scope["client"] or ("", 0)
        address = self._proxies.client(peer, scope["headers"])
        scope["client"] = (address, port)
        client = network(address)
        if not self._counted(scope, peer):
            if wait_s := self._requests.wait_s(client, trio.current_time()):
                self._tell(client)
                await (_refuse(send, wait_s) if scope["type"] == "http" else send(_NO_SOCKET))
                return
            self._requests.spend(client, trio.current_time())

        async def send_and_note(message: ASGISendEvent) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
                self._requests.spend(client, trio.current_time(), PRICE_OF_A_WRONG_TOKEN - 1)
            await send(message)

        await self._app(scope, receive, send_and_note)

    def refusal(self, peer: str, said: bytes) -> tuple[bytes, bool] | None:
        """Return what to answer to the first bytes of a request that is not even to be read, and whether to hang up.

        None: it may be read, and is counted, so that of many that come at once no more are read than may be. A proxy
        speaks for many, whose requests have to be read first. Hung up is on whatever may go on in the next bytes:
        taken for another request, they would be answered to somebody else.
        """
        if self._proxies.has(peer):
            return None
        client = network(peer)
        wait_s = self._requests.wait_s(client, trio.current_time())
        if not wait_s:
            self._requests.spend(client, trio.current_time())
            return None
        self._tell(client)
        whole = said.startswith(b"GET ") and said.find(_HEAD_ENDS) == len(said) - len(_HEAD_ENDS)
        lower = said.lower()
        more = not whole or b"content-length" in lower or b"transfer-encoding" in lower or b"upgrade" in lower
        return _as_http(wait_s, last=more), more

    def _counted(self, scope: Scope, peer: str) -> bool:
        """Say whether `refusal` has counted this request; another that came in the same bytes it has not."""
        connection = scope.get("state", {}).get("connection")
        if connection is None or not connection.counted or self._proxies.has(peer):
            return False
        connection.counted = False
        return True

    def let_in(self, peer: str) -> bool:
        """Count a connection; False: it is one too many, and was not counted."""
        client = network(peer)
        if self._connections.total() >= MOST_CONNECTIONS:
            return False
        if self._connections[client] >= MOST_CONNECTIONS_OF_A_CLIENT and not self._proxies.has(peer):
            return False
        self._connections[client] += 1
        return True

    def let_out(self, peer: str) -> None:
        """Count a connection no more."""
        client = network(peer)
        self._connections[client] -= 1
        if not self._connections[client]:
            del self._connections[client]

    def _tell(self, client: str) -> None:
        if trio.current_time() - self._told_at_s >= _LOG_EVERY_S:
            self._told_at_s = trio.current_time()
            log.warning("client_refused", client=client, hint="API_REQUESTS_PER_SECOND is what one client may ask for")


async def _refuse(send: ASGISendCallable, wait_s: float) -> None:
    headers, body = _answer(wait_s)
    await send({"type": "http.response.start", "status": HTTPStatus.TOO_MANY_REQUESTS, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _as_http(wait_s: float, *, last: bool) -> bytes:
    headers, body = _answer(wait_s)
    if last:
        headers.append((b"connection", b"close"))
    lines = [b"HTTP/1.1 429 Too Many Requests", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", body])


def _answer(wait_s: float) -> tuple[list[tuple[bytes, bytes]], bytes]:
    status = HTTPStatus.TOO_MANY_REQUESTS
    detail = "more requests than one client may make (API_REQUESTS_PER_SECOND); a wrong token counts as ten"
    body = msgspec.json.encode(Problem(title=status.phrase, status=status.value, detail=detail))
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"retry-after", b"%d" % math.ceil(wait_s)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return headers, body
