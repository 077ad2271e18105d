"""What follows a click: the act is done or refused, and the page that it came from says which.

Acts answer with a redirect, so that going back or reloading never acts again. What there is to say travels in a
cookie that the next page takes away.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import msgspec
import psycopg
import trio
from quart import Response, redirect, request
from quart_trio import QuartTrio
from redis.exceptions import RedisError
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.names import BadName
from ops.access.passwords import BadPassword
from ops.access.users import NameTaken, NobodyOfThatName
from ops.acts.not_done import NotDone
from ops.api.cockpit.frame.places import ADMIN, inside
from ops.api.cockpit.frame.rendering import page, wants_fragment
from ops.api.cockpit.frame.writing import why
from ops.api.door.session_cookie import by_tls
from ops.api.door.who_asks import known_caller
from ops.api.parts import Parts
from ops.shell.said import explain
from sender.runs.by_hand.errors import BadFile, RunUnusable

T = TypeVar("T")

COOKIE = "newar_notice"
MOST_CHARACTERS = 800
DONE_WITHIN_S = 25.0
"""A browser that hears nothing for longer is given up."""
NOT_ADMITTED = (BadName, BadPassword, NameTaken, NobodyOfThatName, AccessUnreachable)
"""Users and keys stay as they are."""
AWAY = (RedisError, psycopg.Error, OSError, trio.TooSlowError)
"""A server is away, refuses, or is too slow."""


class Notice(NamedTuple):
    """A sentence at the top of the next page."""

    text: str
    tone: str = "ok"
    """`ok`, `warn` or `bad`."""


def add_notices(app: QuartTrio, parts: Parts) -> None:
    """Show what the last act came to, once, and with figures that are of after it."""

    @app.context_processor
    async def said_by_act() -> dict[str, Any]:
        return {"notices": [notice] if (notice := _read(request.cookies.get(COOKIE, ""))) else []}

    @app.after_request
    async def look_anew(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        if request.method == "POST" and response.status_code < 400 and known_caller() is not None:
            parts.board.look_anew()
        return response

    @app.after_request
    async def take_away(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        whole_page = response.mimetype == "text/html" and response.status_code == 200
        if whole_page and COOKIE in request.cookies and not wants_fragment():
            response.delete_cookie(COOKIE, path=ADMIN)
        return response


async def told(text: str, tone: str = "ok", *, to: str | None = None) -> WerkzeugResponse:
    """Lead back to where the click was, or to another place, and say something there."""
    form = await request.form
    response = redirect(inside(to or form.get("back", ADMIN)), 303)
    said = urlsafe_b64encode(msgspec.json.encode(Notice(text[:MOST_CHARACTERS], tone))).decode()
    response.set_cookie(COOKIE, said, max_age=60, path=ADMIN, samesite="Strict", secure=by_tls(), httponly=True)
    return response


async def attempt(act: Awaitable[T], said: Callable[[T], str], *, to: str | None = None) -> WerkzeugResponse:
    """Do something, and say in words that it is done, or why it is not.

    A browser that goes away stops nothing half-way.
    """
    try:
        with trio.fail_after(DONE_WITHIN_S, shield=True):
            done = await act
        return await told(said(done), to=to)
    except (NotDone, BadFile, RunUnusable, *NOT_ADMITTED) as exc:
        return await told(why(exc), "bad", to=to)
    except AWAY as exc:
        return await told(" ".join(explain(exc)), "bad", to=to)


async def question(title: str, text: str, address: str, button: str, **more: Any) -> Response:
    """Ask before what cannot be undone: a page of its own, or with a script a dialog over the one before.

    `more`: `back`, where whoever thinks better of it goes; `danger`; `fields`, hidden ones by name.
    """
    return await page("question.html", question=title, text=text, address=address, button=button, **more)


def _read(cookie: str) -> Notice | None:
    """Return what an act left; whatever else stands there is nothing."""
    if not cookie:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cookie), type=Notice)
    except (ValueError, msgspec.DecodeError):
        return None
