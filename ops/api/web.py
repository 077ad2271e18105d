"""The Quart application: routes, who may come in, and the headers that every answer carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

import msgspec
import trio
from hypercorn.typing import ASGISendCallable
from prometheus_client.exposition import choose_encoder
from quart import Request, Response, redirect, render_template, request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.access import Access
from ops.api.answers import Check, Health, Live
from ops.api.board import Board
from ops.api.client_connection import READ_WITHIN_S
from ops.api.endpoints import ENDPOINTS, Endpoint
from ops.api.metrics import Figures
from ops.api.openapi import RUNS, document
from ops.api.problems import BadParameter, ForeignHost, Unauthorized, answer_errors
from ops.api.run_check import check_run
from schema.outcomes import FINAL_OUTCOMES

MOST_DIGITS = 9
DASHBOARD = "/admin/queues"
CHECK_TITLES = {
    "redis": "Redis",
    "kafka": "Log topic",
    "log_database": "Log database",
    "source_database": "Source database",
    "senders": "Senders",
    "ingest": "Ingest",
    "sending": "Sending",
}
OPEN_TO_ALL = frozenset({"/health", "/health/live"})
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class _Connection(TrioASGIHTTPConnection):
    """One request, sent to its end.

    Quart-Trio's own cancels the sending task as soon as the last bytes are out, and with it Hypercorn's watch over
    the now idle connection: nobody would close it before the drain time is over.
    """

    async def handle_request(  # type: ignore[override]  # Quart-Trio passes the nursery
        self, nursery: trio.Nursery, request: Request, send: ASGISendCallable
    ) -> None:
        response = await self.app.handle_request(request)
        with trio.move_on_after(READ_WITHIN_S, shield=True):
            await self._send_response(send, response)
        nursery.cancel_scope.cancel()


class _App(QuartTrio):
    asgi_http_class = _Connection


def make_app(board: Board, access: Access) -> QuartTrio:
    """Return the application, ready to be served."""
    app = _App("ops.api", static_url_path="/admin/static")
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    answer_errors(app)
    _guard(app, access)
    for endpoint in ENDPOINTS:
        app.add_url_rule(endpoint.path, endpoint.path, _view(board, endpoint))
    _add_dry_run(app, board)
    _add_health(app, board, access)
    _add_pages(app, board)
    return app


def _guard(app: QuartTrio, access: Access) -> None:
    """Check every request before, and dress every answer after."""

    @app.before_request
    async def come_in() -> None:
        if not access.host_allowed(request.headers.get("Host")):
            raise ForeignHost
        if request.path not in OPEN_TO_ALL and not access.may_read(request.headers.get("Authorization")):
            raise Unauthorized

    @app.after_request
    async def dress(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        response.headers.update(HEADERS)
        static = request.endpoint == "static"
        response.headers["Cache-Control"] = "no-cache" if static else "no-store"
        return response


def _view(board: Board, endpoint: Endpoint) -> Callable[..., Awaitable[Response]]:
    async def view(**arguments: str | int | None) -> Response:
        if endpoint.most is not None:
            arguments["limit"] = _limit(endpoint.most, endpoint.usual)
        _refuse_unknown(endpoint)
        arguments |= {name: request.args.get(name) for name in endpoint.filters}
        return _json(await endpoint.read(board, **arguments))

    return view


def _refuse_unknown(endpoint: Endpoint) -> None:
    """Refuse a misspelt filter, or one given twice: it would be as if it were not there."""
    known = {"limit", *endpoint.filters}
    if endpoint.filters and (unknown := [name for name in request.args if name not in known]):
        raise BadParameter(f"{', '.join(unknown)}: no parameter of this; there are {', '.join(sorted(known))}")
    if endpoint.filters and (twice := [name for name in known if len(request.args.getlist(name)) > 1]):
        raise BadParameter(f"{', '.join(sorted(twice))}: give it once")


def _limit(most: int, usual: int | None) -> int:
    text = request.args.get("limit", str(usual or most))
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and 1 <= int(text) <= most):
        raise BadParameter(f"limit must be a whole number from 1 to {most}")
    return int(text)


def _add_dry_run(app: QuartTrio, board: Board) -> None:
    @app.post(RUNS)
    async def check() -> Response:
        if request.args.get("check") != "1":
            raise BadParameter("a run is submitted by newar run submit; here is a dry run: add ?check=1")
        if not request.is_json:
            raise BadParameter("send the run as JSON, with Content-Type: application/json")
        return _json(await check_run(board.dry_runs, await request.body))


def _add_health(app: QuartTrio, board: Board, access: Access) -> None:
    @app.get("/health")
    async def health() -> Response:
        state = await board.health()
        if not access.may_read(request.headers.get("Authorization")):
            state = Health(status=state.status, checks={n: Check(status=c.status) for n, c in state.checks.items()})
        return _json(state, HTTPStatus.SERVICE_UNAVAILABLE if state.status == "down" else HTTPStatus.OK)

    @app.get("/health/live")
    async def live() -> Response:
        return _json(Live())


def _add_pages(app: QuartTrio, board: Board) -> None:
    openapi = msgspec.json.encode(document())

    @app.get("/metrics")
    async def metrics() -> Response:
        processes = (await board.moment()).processes
        figures = Figures(processes=processes, queue=await board.queue(), breaker=await board.circuit_breaker())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(figures), content_type=content_type)

    @app.get("/openapi.json")
    async def openapi_json() -> Response:
        return _json(openapi)

    @app.get(DASHBOARD)
    async def dashboard() -> str:
        outcomes = [outcome.value for outcome in FINAL_OUTCOMES]
        return await render_template("dashboard.html", outcomes=outcomes, checks=CHECK_TITLES)

    @app.get("/")
    async def home() -> WerkzeugResponse:
        return redirect(DASHBOARD)


def _json(answer: msgspec.Struct | bytes, status: HTTPStatus = HTTPStatus.OK) -> Response:
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return Response(body, status=status.value, content_type="application/json")
