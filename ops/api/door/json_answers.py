"""Answers of JSON."""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from quart import Response


def json_answer(answer: msgspec.Struct | bytes, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return what a route answers; bytes are JSON already."""
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return Response(body, status=status.value, content_type="application/json")
