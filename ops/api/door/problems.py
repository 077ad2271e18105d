"""Every error of the HTTP service as a problem document (RFC 9457), without tracebacks and without secrets."""

from __future__ import annotations

import errno
from http import HTTPStatus
from math import ceil

import msgspec
import psycopg
import structlog
import trio
from quart import Response, g
from quart_trio import QuartTrio
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from ops.access.access_database import AccessUnreachable
from ops.access.allowance import TooOften
from ops.acts.not_done import ActRefused, CannotNow, NoSuch
from ops.api.door.event_feeds import TooManyStreams
from ops.board.answers import Problem
from ops.board.board import NotFound
from ops.board.graphs.graphs import UnknownSubject
from ops.board.history import HistoryUnreachable
from ops.board.reading import QueueUnreachable
from ops.board.suppressions import BadFilter
from ops.message_log.question import BadQuestion
from ops.shell.said import explain
from schema.text import Text, TextError
from sender.runs.by_hand.errors import BadFile, RunMisdescribed, RunUnusable, UnknownRun
from sender.runs.databases.errors import RunsError

log = structlog.get_logger()

PROBLEM_TYPE = "application/problem+json"
_NO_ROOM = "the disk where this service keeps files while it reads them is full: give it more room, then try again"
CHALLENGES = ('Basic realm="newar", charset="UTF-8"', 'Bearer realm="newar"')


class Unauthorized(Exception):
    """The request carries nothing by which its sender may come in."""

    def __init__(self, *, challenge: bool = True) -> None:
        super().__init__()
        self.challenge = challenge
        """Whether to say how, upon which browsers ask for a password in a window of their own."""


class Forbidden(Exception):
    """Whoever sends the request may not do this; the text says why."""


class ForeignHost(Exception):
    """The request names a host that is not ours."""


class HeadersTooLarge(Exception):
    """The request's headers are larger than any of ours can be."""


class BadParameter(Exception):
    """A query parameter cannot be used; the text says why."""


class TooManyUploads(Exception):
    """Another file would be one too many; the text says of whom."""


def problem(status: HTTPStatus, detail: str) -> Response:
    """Return the answer that says what went wrong."""
    document = Problem(title=status.phrase, status=status.value, detail=detail)
    return Response(msgspec.json.encode(document), status=status.value, content_type=PROBLEM_TYPE)


def refusal(error: Exception) -> Response | None:
    """Return the answer of an act that was not done as things stand; None: this is another error."""
    if isinstance(error, NoSuch | UnknownRun):
        return problem(HTTPStatus.NOT_FOUND, str(error))
    if isinstance(error, ActRefused | RunUnusable) and not isinstance(error, RunMisdescribed):
        return problem(HTTPStatus.CONFLICT, str(error))
    return None


def _why(error: Exception) -> str:
    """Return what an error says, and keep what it was made of for `why_here`."""
    if isinstance(error, TextError):
        g.why = error.text
    return str(error)


def why_here() -> Text | None:
    """Return what the answer's `detail` was made of, where that is known."""
    found: Text | None = g.get("why")
    return found


def answer_errors(app: QuartTrio) -> None:
    """Turn everything that a view can raise into a problem document."""
    app.register_error_handler(Unauthorized, _unauthorized)
    app.register_error_handler(Forbidden, _forbidden)
    app.register_error_handler(ForeignHost, _foreign_host)
    app.register_error_handler(HeadersTooLarge, _headers_too_large)
    app.register_error_handler(BadParameter, _bad_parameter)
    app.register_error_handler(BadFilter, _bad_parameter)
    app.register_error_handler(BadQuestion, _bad_parameter)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(UnknownSubject, _not_found)
    app.register_error_handler(NoSuch, _not_found)
    app.register_error_handler(QueueUnreachable, _unavailable)
    app.register_error_handler(HistoryUnreachable, _unavailable)
    app.register_error_handler(RunsError, _unavailable)
    app.register_error_handler(TooManyStreams, _unavailable)
    app.register_error_handler(TooManyUploads, _unavailable)
    app.register_error_handler(NoSuch, _not_found)
    app.register_error_handler(ActRefused, _refused)
    app.register_error_handler(RunMisdescribed, _bad_parameter)
    app.register_error_handler(BadFile, _bad_parameter)
    app.register_error_handler(CannotNow, _unavailable)
    for away in (RedisError, psycopg.Error, OSError, trio.TooSlowError):
        app.register_error_handler(away, _away)
    app.register_error_handler(AccessUnreachable, _unavailable)
    app.register_error_handler(TooOften, _too_often)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


async def _unauthorized(error: Exception) -> Response:
    detail = (
        "send an API key, ADMIN_TOKEN or VIEWER_TOKEN as a Bearer token, or as the password of Basic authentication; "
        "people sign in at /admin/sign-in"
    )
    response = problem(HTTPStatus.UNAUTHORIZED, detail)
    for challenge in CHALLENGES if getattr(error, "challenge", True) else ():
        response.headers.add("WWW-Authenticate", challenge)
    return response


async def _forbidden(error: Exception) -> Response:
    return problem(HTTPStatus.FORBIDDEN, str(error))


async def _foreign_host(_error: Exception) -> Response:
    detail = "bound to loopback: open this service as localhost, or set API_HOST to the name or address you use"
    return problem(HTTPStatus.MISDIRECTED_REQUEST, detail)


async def _headers_too_large(_error: Exception) -> Response:
    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return problem(status, "address, headers and cookies together are larger than 16 kB: remove cookies of this site")


async def _bad_parameter(error: Exception) -> Response:
    return problem(HTTPStatus.BAD_REQUEST, str(error))


async def _not_found(error: Exception) -> Response:
    return problem(HTTPStatus.NOT_FOUND, _why(error))


async def _refused(error: Exception) -> Response:
    return problem(HTTPStatus.CONFLICT, _why(error))


async def _unavailable(error: Exception) -> Response:
    response = problem(HTTPStatus.SERVICE_UNAVAILABLE, _why(error))
    response.headers["Retry-After"] = "1"
    return response


async def _away(error: Exception) -> Response:
    """Answer that a server is away or refuses, in words that hold no part of its address; or that a disk is full."""
    if isinstance(error, psycopg.errors.DiskFull):
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, "\n".join(explain(error)))
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("disk_full", hint=_NO_ROOM)
        return problem(HTTPStatus.INSUFFICIENT_STORAGE, _NO_ROOM)
    return await _unavailable(CannotNow("\n".join(explain(error))))


async def _too_often(error: Exception) -> Response:
    response = problem(HTTPStatus.TOO_MANY_REQUESTS, str(error))
    response.headers["Retry-After"] = str(ceil(getattr(error, "wait_s", 1)))
    return response


async def _http(error: HTTPException) -> Response:
    """Answer what Quart itself found wrong: 404, 405, 413 and the like."""
    status = HTTPStatus(error.code or 500)
    unsaid = isinstance(error, RequestEntityTooLarge) and error.description == RequestEntityTooLarge.description
    detail = "the body is longer than what this address takes: send less at a time" if unsaid else error.description
    response = problem(status, detail or status.phrase)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


async def _unexpected(error: Exception) -> Response:
    log.error("request_failed", exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "an error of ours; the service's log has the details")
