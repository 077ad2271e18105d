"""Answering the endpoints: their parameters are read, and what is none of them is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from quart import Response, request
from quart_trio import QuartTrio

from ops.api.door.json_answers import json_answer
from ops.api.door.problems import BadParameter
from ops.api.door.who_asks import caller
from ops.api.rest.endpoints import ENDPOINTS, Endpoint
from ops.board.board import Board

MOST_DIGITS = 9


def add_endpoints(app: QuartTrio, board: Board) -> None:
    """Serve every endpoint of the table."""
    for endpoint in ENDPOINTS:
        app.add_url_rule(endpoint.path, endpoint.path, _view(board, endpoint))


def _view(board: Board, endpoint: Endpoint) -> Callable[..., Awaitable[Response]]:
    async def view(**arguments: Any) -> Response:
        if endpoint.most is not None:
            arguments["limit"] = _limit(endpoint.most, endpoint.usual)
        _refuse_unknown(endpoint)
        arguments |= {name: request.args.get(name) for name in endpoint.filters}
        if endpoint.by_pages:
            arguments["pages"] = caller().pages
        answer = await endpoint.read(board, **arguments)
        return answer if isinstance(answer, Response) else json_answer(answer)

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
