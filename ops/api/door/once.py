"""`Idempotency-Key`: a request that is sent again is not done again, and gets the answer of the first time."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import msgspec
import structlog
import trio
from quart import Response, request
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ops.api.door.json_answers import json_answer
from ops.api.door.problems import BadParameter, problem, refusal
from ops.api.door.who_asks import caller
from sender.queue.known_requests import OURS_MS, Begun, KnownRequest

log = structlog.get_logger()

HEADER = "Idempotency-Key"
DONE_WITHIN_S = 25.0
"""Who sends a request hears of it in time, or is given up: see `SILENT_FOR_S`."""
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
_Answer = tuple[int, str, bytes]
Act = Callable[[str | None], Awaitable[msgspec.Struct]]
"""Does what is asked for. It is told a name that this request has, and no other; None: it may be sent only once."""


async def once(redis: Redis, body: bytes, act: Act, *, within_s: float = DONE_WITHIN_S) -> Response:
    """Answer the request being answered with what `act` returns, or with what it returned the first time.

    A client that goes away stops nothing half-way. What was done, refused (409) or not found (404) is remembered for a
    day; after any other error the same request is tried anew.

    Args:
        redis: remembers.
        body: what makes this request another one than those to the same address.
        act: see there.
        within_s: it is stopped when it takes longer.

    Raises:
        BadParameter: the header cannot be used.
        trio.TooSlowError: the act took too long; it was stopped.
        redis.RedisError: there is a key, and whether it is known cannot be said; nothing was done.
    """
    given = given_key()
    with trio.CancelScope(shield=True):
        response = await (_done(act, None, within_s) if given is None else _once(redis, given, body, act, within_s))
    return response  # noqa: RET504 - for the type checker, to whom a scope may end what is in it


async def _once(redis: Redis, given: str, body: bytes, act: Act, within_s: float) -> Response:
    parts = (request.method, request.path, request.query_string.decode("latin-1"))
    known = KnownRequest(redis, caller().name, given, "\0".join(parts).encode("utf-8", "replace") + b"\0" + body)
    begun = await known.begin()
    return await _do(known, act, within_s) if begun.status == "new" else _known(begun)


def given_key() -> str | None:
    """Return the key, with or without the quotes that the draft standard wants. Raises BadParameter."""
    text = request.headers.get(HEADER)
    if text is None:
        return None
    if len(request.headers.getlist(HEADER)) > 1 or not (found := _KEY.fullmatch(text.strip())):
        raise BadParameter(f"{HEADER}: write one key of 1 to 255 visible ASCII characters, such as a UUID")
    return found[1]


def _known(begun: Begun) -> Response:
    if begun.status == "answered":
        status, content_type, body = msgspec.msgpack.decode(begun.answer, type=_Answer)
        return Response(body, status=status, content_type=content_type)
    if begun.status == "other":
        return problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"this {HEADER} stands for another request: make a new one for each"
        )
    response = problem(HTTPStatus.CONFLICT, "the same request is being answered: send it again when that is done")
    response.headers["Retry-After"] = "1"
    return response


async def _do(known: KnownRequest, act: Act, within_s: float) -> Response:
    """Do it and remember the answer; after an error as if it had never been sent."""
    failed: Exception | None = None
    async with trio.open_nursery() as beside:
        beside.start_soon(_keep_ours, known)
        try:
            response = await _done(act, known.name, within_s)
        except Exception as exc:  # raised again below, outside of the nursery, which would wrap it
            failed = exc
        beside.cancel_scope.cancel()
    if failed is not None:
        with suppress(RedisError):
            await known.forget()
        raise failed
    answer: _Answer = (response.status_code, response.content_type or "", await response.get_data(as_text=False))
    try:
        await known.answered(msgspec.msgpack.encode(answer))
    except RedisError as exc:
        log.warning("answer_not_remembered", error=type(exc).__name__)
    return response


async def _done(act: Act, name: str | None, within_s: float) -> Response:
    with trio.fail_after(within_s):
        try:
            return json_answer(await act(name))
        except Exception as exc:
            if (refused := refusal(exc)) is None:
                raise
            return refused


async def _keep_ours(known: KnownRequest) -> None:
    while True:
        await trio.sleep(OURS_MS / 3000)
        with suppress(RedisError):
            await known.renew()
