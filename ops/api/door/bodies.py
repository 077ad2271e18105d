"""Reading the body of a request: bounded, as JSON, and every fault with what to write instead."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from quart import request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from ops.api.door.problems import BadParameter

T = TypeVar("T", bound=msgspec.Struct)

MOST_BYTES = 4 * 1024 * 1024
JSON = "application/json"
ANYWAY = '"anyway": true does it all the same'


async def read_body(most: int = MOST_BYTES) -> bytes:
    """Return the body of the request being answered.

    Raises:
        RequestEntityTooLarge: it is longer than `most`.
    """
    body = bytearray()
    async for part in request.body:
        body += part
        if len(body) > most:
            raise RequestEntityTooLarge(f"the body is longer than {most} bytes")
    return bytes(body)


def decoded(body: bytes, kind: type[T]) -> T:
    """Return what a body says; one that is empty says nothing.

    Raises:
        UnsupportedMediaType: it is not sent as JSON.
        BadParameter: it is no JSON of this kind, or has fields that this does not know; names the first.
    """
    if body and request.mimetype != JSON:
        raise UnsupportedMediaType("send JSON, with Content-Type: application/json")
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:  # a ValidationError is one too
        raise BadParameter(f"the body cannot be used: {exc}") from None
