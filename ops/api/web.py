"""The Quart application: routes, who may come in, and the headers that every answer carries."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from prometheus_client.exposition import choose_encoder
from quart import Request, Response, request
from quart_trio import QuartTrio
from quart_trio.asgi import TrioASGIHTTPConnection
from werkzeug.routing import PathConverter
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.cockpit.sign_in_page import add_sign_in
from ops.api.cockpit.views import add_cockpit
from ops.api.door.body_caps import CappedRequest
from ops.api.door.client_connection import READ_WITHIN_S
from ops.api.door.event_feeds import EventStream
from ops.api.door.json_answers import json_answer
from ops.api.door.problems import answer_errors
from ops.api.door.silence import answered_late
from ops.api.door.streamed_body import StreamedBody
from ops.api.door.templates import PlainEnvironment
from ops.api.door.uploads import LongBody
from ops.api.door.who_asks import demand_every_page, guard, known_caller
from ops.api.parts import Parts
from ops.api.rest.asking import add_endpoints
from ops.api.rest.metrics import Figures
from ops.api.rest.openapi import document
from ops.api.rest.steering.act_routes import add_acts
from ops.api.rest.steering.submission_route import add_submission
from ops.board.answers import Check, Health, Live
from ops.board.board import Board
from ops.board.pages.page_orders import Wanted

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
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
        if isinstance(response, Response) and isinstance(response.response, EventStream | StreamedBody):
            sending = response.response.sending
        else:
            sending = trio.CancelScope(shield=True, deadline=trio.current_time() + READ_WITHIN_S)
        with sending, answered_late(request):
            await self._send_response(send, response)
        nursery.cancel_scope.cancel()

    async def handle_messages(  # type: ignore[override]  # Quart-Trio passes the nursery
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """As Quart-Trio's own, which takes from the network whatever comes, however slowly it is read here."""
        while (message := await receive())["type"] == "http.request":
            request.body.append(message["body"])
            if not message["more_body"]:
                request.body.set_complete()
            if isinstance(request.body, LongBody):
                await request.body.room()
        nursery.cancel_scope.cancel()


class _AnyPath(PathConverter):
    """As Werkzeug's own, which matches nothing that begins with a slash: the id of a run may."""

    regex = ".+?"
    part_isolating = False


class _App(QuartTrio):
    asgi_http_class = _Connection
    request_class = CappedRequest
    jinja_environment = PlainEnvironment  # type: ignore[assignment]  # Flask declares its own, which Quart has replaced


def make_app(parts: Parts) -> QuartTrio:
    """Return the application, ready to be served."""
    app = _App("ops.api.cockpit", static_folder=None)
    app.url_map.merge_slashes = False  # the id of a run may hold two: it must not become another's
    app.url_map.converters["path"] = _AnyPath
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    answer_errors(app)
    guard(app, parts.access)
    _dress(app)
    add_endpoints(app, parts.board)
    add_acts(app, parts)
    add_submission(app, parts)
    _add_health(app, parts.board)
    _add_metrics(app, parts.board, parts.settings.metrics_pages)
    add_sign_in(app, parts)
    add_cockpit(app, parts)
    return app


def _dress(app: QuartTrio) -> None:
    """Give every answer the headers that keep browsers careful."""

    @app.after_request
    async def dress(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _add_health(app: QuartTrio, board: Board) -> None:
    @app.get("/health")
    async def health() -> Response:
        state = await board.health()
        if known_caller() is None:
            state = Health(status=state.status, checks={n: Check(status=c.status) for n, c in state.checks.items()})
        return json_answer(state, HTTPStatus.SERVICE_UNAVAILABLE if state.status == "down" else HTTPStatus.OK)

    @app.get("/health/live")
    async def live() -> Response:
        return json_answer(Live())


def _add_metrics(app: QuartTrio, board: Board, most_pages: int) -> None:
    openapi = msgspec.json.encode(document())

    @app.get("/metrics")
    async def metrics() -> Response:
        demand_every_page()
        pages = (
            (await board.pages.listed(Wanted(sort="backlog", steerable=True), most_pages)).pages if most_pages else []
        )
        figures = Figures(
            processes=(await board.moment()).processes,
            queue=await board.queue(),
            breaker=await board.circuit_breaker(),
            pages=pages,
            servers=board.servers,
        )
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(figures), content_type=content_type)

    @app.get("/openapi.json")
    async def openapijson_answer() -> Response:
        return json_answer(openapi)
