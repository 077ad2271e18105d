"""Pages that follow what happens: asked for an event stream, their address sends the living part as it changes.

Whoever looks at the same page with the same eyes (language, role, pages that they may see) shares one reader: fifty
open dashboards cost one.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import msgspec
from quart import Response, copy_current_request_context, current_app, g, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.allowance import TooOften
from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.writing import language
from ops.api.door.access import BadCredentials
from ops.api.door.event_feeds import Read, Still
from ops.api.door.problems import PROBLEM_TYPE
from ops.api.door.session_cookie import session_cookie
from ops.api.door.who_asks import by_proxy, caller, where
from ops.api.parts import Parts
from ops.board.answers import Problem

EVERY_S = 1.5
"""From the end of one reading to the next."""
STREAM = "text/event-stream"
FOLLOWED = (f"{ADMIN}/runs", f"{ADMIN}/pages")
"""Besides the overview. Their living parts hold no proof of whoever looked first, and cost little to read."""


def add_streams(app: QuartTrio, parts: Parts) -> None:
    """Let them be followed."""

    @app.before_request
    async def follow() -> Response | WerkzeugResponse | None:
        page = request.path == ADMIN or request.path.startswith(FOLLOWED)
        if not page or request.method != "GET" or request.headers.get("Accept") != STREAM or request.endpoint is None:
            return None
        who = caller()
        key = (request.full_path, language().code, who.role, who.pages)
        return parts.feeds.stream(key, _reader(), every_s=EVERY_S, client=where(), still=_still(parts))


def _reader() -> Read:
    arrival = g.arrival

    @copy_current_request_context
    async def read() -> Mapping[str, str]:
        g.arrival, g.fragment = arrival, True
        return await _living_part()

    return read


async def _living_part() -> Mapping[str, str]:
    """Return what the page shows now, or why it cannot, and that it was looked at."""
    at_ms = time.time_ns() // 1_000_000
    view = cast(Callable[..., Awaitable[Any]], current_app.view_functions[request.endpoint or ""])  # all of ours are
    try:
        made = await view(**(request.view_args or {}))
    except Exception as exc:
        made = await current_app.handle_user_exception(exc)
    response = await current_app.make_response(made)
    body = await response.get_data(as_text=True)  # type: ignore[misc]
    if response.content_type == PROBLEM_TYPE:
        return {"problem": msgspec.json.decode(body, type=Problem).detail}
    return {"live": body, "at": str(at_ms)}


def _still(parts: Parts) -> Still:
    before, cookie, address, proxy = caller(), session_cookie(), where(), by_proxy()
    authorization = request.headers.get("Authorization")

    async def still() -> bool:
        try:
            found = await parts.access.arrival(authorization, cookie, address, "GET", proxy=proxy)
        except AccessUnreachable:
            return True  # who was let in stays while nobody can be asked
        except (BadCredentials, TooOften):
            return False
        now = found.caller
        if now is None or found.come_again:
            return False
        return (now.name, now.role, now.pages) == (before.name, before.role, before.pages)

    return still
