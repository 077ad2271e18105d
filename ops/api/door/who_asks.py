"""Every request passes here before it is answered: who is it from, and may they do this?"""

from __future__ import annotations

from urllib.parse import urlencode

from quart import Response, g, make_response, redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.allowance import TooOften
from ops.access.caller import Caller, Role
from ops.access.proxies import sign_of_proxy
from ops.api.door.access import Access, Arrival, BadCredentials
from ops.api.door.problems import Forbidden, ForeignHost, HeadersTooLarge, Unauthorized
from ops.api.door.same_origin import SAFE_METHODS, foreign, proof, proves
from ops.api.door.session_cookie import give_session, session_cookie
from ops.api.door.templates import filled_in
from ops.api.door.uploads import PATHS as UPLOADS

SIGN_IN = "/admin/sign-in"
OPEN_TO_ALL = frozenset({"/health", "/health/live", SIGN_IN})
_OPEN_BELOW = (f"{SIGN_IN}/", "/admin/static/")
MOST_HEAD_BYTES = 16 * 1024
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def guard(app: QuartTrio, access: Access) -> None:
    """Let nobody in whom `access` does not know, but to what is open to all."""

    @app.before_request
    async def come_in() -> Response | WerkzeugResponse | None:
        g.arrival = Arrival(caller=None)
        if _head_bytes() > MOST_HEAD_BYTES:
            raise HeadersTooLarge
        if not access.host_allowed(request.headers.get("Host")):
            raise ForeignHost
        is_open = request.path in OPEN_TO_ALL or request.path.startswith(_OPEN_BELOW)
        try:
            authorization = request.headers.get("Authorization")
            g.arrival = await access.arrival(authorization, session_cookie(), where(), request.method, proxy=by_proxy())
        except (AccessUnreachable, TooOften):
            if not is_open:
                raise
        except BadCredentials:
            if not is_open:
                raise Unauthorized(challenge=_challenge()) from None
        if is_open:
            return None
        if _kept_to_itself():
            return await make_response(await filled_in("once_more.html", target=here()))
        if known_caller() is None:
            return _ask_who()
        await _refuse_foreign_pages()
        return None

    @app.after_request
    async def keep_session(response: Response | WerkzeugResponse) -> Response | WerkzeugResponse:
        if (cookie := g.arrival.cookie) is not None and "Set-Cookie" not in response.headers:
            give_session(response, cookie, access.longest_s)
        return response


def where() -> str:
    """Return the address that the request being answered comes from."""
    return request.remote_addr or ""


def here() -> str:
    """Return the address that was asked for, as it was written: read, what is escaped in it could lead elsewhere."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.query_string.decode("latin-1")
    return f"{path}?{query}" if query else path


def by_proxy() -> str | None:
    """Return by what the request being answered is known to have come through a proxy; None: nothing shows it."""
    return sign_of_proxy(request.headers.keys(), request.http_version)


def known_caller() -> Caller | None:
    """Return who sends the request being answered; None: anybody."""
    found: Caller | None = g.arrival.caller
    return found


def caller() -> Caller:
    """Return who sends the request being answered."""
    found = known_caller()
    if found is None:
        raise Unauthorized(challenge=_challenge())
    return found


def demand(role: Role, *, page_id: str | None = None) -> Caller:
    """Return who sends the request being answered, if they may do what needs this role, for this page.

    Raises:
        Forbidden: they may not.
    """
    found = caller()
    if found.role < role:
        raise Forbidden(f"this needs the role {role.name.lower()}; {found.name} is {found.role.name.lower()}")
    if page_id is not None and not found.may_see(page_id):
        raise Forbidden(f"page {page_id} is none of those that {found.name} may see")
    return found


def demand_every_page() -> Caller:
    """Return who sends the request being answered, if they may see every page.

    Raises:
        Forbidden: only some.
    """
    found = caller()
    if found.pages is not None:
        raise Forbidden(f"this is of all pages together, and {found.name} may see some of them")
    return found


def csrf_token() -> str:
    """Return what forms (field `csrf`) and scripts (header X-CSRF-Token) of the page being made must send."""
    key: bytes | None = g.arrival.csrf_key
    return proof(key) if key is not None else ""


def from_another_site() -> bool | None:
    """Tell whether another site's page made the browser send this request; None: it does not say."""
    headers = request.headers
    return foreign(headers.get("Sec-Fetch-Site"), headers.get("Origin"), headers.get("Host"))


async def offered_proof() -> str | None:
    """Return the CSRF token that came with the request being answered."""
    token = request.headers.get("X-CSRF-Token")
    if token is None and request.path in UPLOADS:  # a file would be read for a field of the form
        return request.args.get("csrf")
    if token is None and request.mimetype in _FORMS:
        token = (await request.form).get("csrf")
    return token


def _head_bytes() -> int:
    return len(request.full_path) + sum(len(name) + len(value) for name, value in request.headers.items())


async def _refuse_foreign_pages() -> None:
    """Of what a browser sends by itself, and what changes something, let only that in which a page of ours sends.

    Raises:
        Forbidden: with what to do instead.
    """
    if request.method in SAFE_METHODS or request.headers.get("Authorization", "").lower().startswith("bearer"):
        return
    other = from_another_site()
    if other:
        raise Forbidden("a page of another site made the browser send this: nothing was done")
    key: bytes | None = g.arrival.csrf_key
    if key is None:
        return
    if other is None:
        raise Forbidden("the browser does not say which page sent this; programs send Authorization: Bearer")
    if not proves(await offered_proof(), key):
        raise Forbidden(
            "the page was made for another session: load it again, and send X-CSRF-Token, or the field csrf; "
            "programs send Authorization: Bearer"
        )


def _kept_to_itself() -> bool:
    """Tell whether another site led here by a link: then the browser does not send the session's cookie."""
    headers = request.headers
    led = headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") == "navigate"
    return led and request.method in SAFE_METHODS and _is_page() and "Authorization" not in headers


def _ask_who() -> Response | WerkzeugResponse:
    """Send a browser that looks at a page to the sign-in page, and tell everybody else that they are not known."""
    headers = request.headers
    if not _is_page():
        raise Unauthorized(challenge=_challenge())
    if "Newar-Fragment" in headers:
        return Response("", 401)
    if "text/html" not in headers.get("Accept", ""):
        raise Unauthorized(challenge=False)
    if request.method not in SAFE_METHODS:
        return redirect(SIGN_IN, 303)
    return redirect(f"{SIGN_IN}?{urlencode({'next': here()})}", 303)


def _is_page() -> bool:
    return request.path == "/" or f"{request.path}/".startswith("/admin/")


def _challenge() -> bool:
    """Tell whether a browser, if it is one, may ask for a password: not under a page of ours, which has its own way."""
    by_script = request.headers.get("Sec-Fetch-Mode", "navigate") != "navigate"
    return not (by_script or session_cookie() or _is_page())
