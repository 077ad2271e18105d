"""Where people sign in, and out."""

from __future__ import annotations

import re
from http import HTTPStatus

from quart import Response, make_response, redirect, render_template, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.allowance import TooOften
from ops.access.attempts import Attempts
from ops.access.notes import Notes
from ops.access.passwords import TooManySignIns
from ops.access.secret_texts import new_secret
from ops.api.door.access import Access
from ops.api.door.same_origin import proof, proves
from ops.api.door.session_cookie import form_cookie, give_form, give_session, session_cookie, take_session
from ops.api.door.signing_in import NotSignedIn, SigningIn
from ops.api.door.who_asks import SIGN_IN, from_another_site, known_caller, offered_proof, where
from ops.api.parts import Parts

AFTERWARDS = "/admin"
_OURS = re.compile(r"/admin(?:[/?][!-\[\]-~]{0,2000})?")
"""Paths to go to after signing in: ours, without a backslash, which browsers take for a slash."""


def add_sign_in(app: QuartTrio, parts: Parts) -> None:
    """Serve the page, and what its forms send."""
    access = parts.access
    signing_in = SigningIn(access, Attempts(parts.redis), Notes(parts.redis))

    @app.get(SIGN_IN)
    async def show_sign_in() -> Response | WerkzeugResponse:
        return await _page(target=request.args.get("next", ""))

    @app.post(SIGN_IN)
    async def take_sign_in() -> Response | WerkzeugResponse:
        return await _signed_in(access, signing_in)

    @app.post("/admin/sign-out")
    async def sign_out() -> Response | WerkzeugResponse:
        caller, cookie = known_caller(), session_cookie()
        if caller is not None and cookie is not None:
            await access.end(cookie, caller)
        response = redirect(SIGN_IN, 303)
        take_session(response)
        return response


async def _signed_in(access: Access, signing_in: SigningIn) -> Response | WerkzeugResponse:
    form, key = await request.form, form_cookie()
    target = form.get("next", "")
    if from_another_site() is not False or key is None or not proves(await offered_proof(), key.encode()):
        return await _page("Please try again; the browser must allow cookies.", HTTPStatus.FORBIDDEN, target)
    name = form.get("name", "").strip()
    try:
        cookie = await signing_in.by_password(name, form.get("password", ""), where())
    except NotSignedIn:
        text = "Name and password do not belong together." if name else "This is no token of the settings."
        return await _page(text, HTTPStatus.UNAUTHORIZED, target, name)
    except TooOften as exc:
        return await _page(f"Nothing was checked: {exc}.", HTTPStatus.TOO_MANY_REQUESTS, target, name)
    except TooManySignIns as exc:
        return await _page(str(exc), HTTPStatus.SERVICE_UNAVAILABLE, target, name)
    except AccessUnreachable as exc:
        text = f"Users cannot sign in now: {exc}. ADMIN_TOKEN and VIEWER_TOKEN can: leave the name empty."
        return await _page(text, HTTPStatus.SERVICE_UNAVAILABLE, target, name)
    response = redirect(_local(target), 303)
    give_session(response, cookie, access.longest_s)
    return response


def _local(target: str) -> str:
    """Return where to go, if that is here."""
    fits = _OURS.fullmatch(target) and not target.startswith((SIGN_IN, "/admin/sign-out"))
    return target if fits else AFTERWARDS


async def _page(
    text: str = "", status: HTTPStatus = HTTPStatus.OK, target: str = "", name: str = ""
) -> Response | WerkzeugResponse:
    key = form_cookie() or new_secret()
    html = await render_template(
        "sign_in.html",
        text=text,
        target=_local(target),
        name=name[:64],
        csrf=proof(key.encode()),
        caller=known_caller(),
    )
    response = await make_response(html, status)
    give_form(response, key)
    return response
