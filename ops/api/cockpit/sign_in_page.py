"""Where people sign in, and out."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from http import HTTPStatus

import msgspec
from quart import Response, make_response, redirect, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.allowance import TooOften
from ops.access.attempts import Attempts
from ops.access.passwords import TooManySignIns
from ops.access.provider.id_token import BadIdToken
from ops.access.provider.openid_provider import OpenIdProvider, ProviderFailed, SignInFlow
from ops.access.secret_texts import new_secret
from ops.api.cockpit.frame.places import ADMIN, inside
from ops.api.cockpit.frame.writing import say
from ops.api.door.access import Access
from ops.api.door.same_origin import proof, proves
from ops.api.door.session_cookie import (
    flow_cookie,
    form_cookie,
    give_flow,
    give_form,
    give_session,
    session_cookie,
    take_session,
)
from ops.api.door.signing_in import NotSignedIn, SigningIn
from ops.api.door.templates import filled_in
from ops.api.door.who_asks import SIGN_IN, from_another_site, known_caller, offered_proof, where
from ops.api.parts import Parts
from schema.text import N_

PROVIDER = f"{SIGN_IN}/provider"
SIGN_OUT = f"{ADMIN}/sign-out"
_AWAY = N_("Users cannot sign in now: %(reason)s. ADMIN_TOKEN and VIEWER_TOKEN can: leave the name empty.")


def add_sign_in(app: QuartTrio, parts: Parts) -> None:
    """Serve the page, and what its forms send."""
    access = parts.access
    signing_in = SigningIn(access, Attempts(parts.redis), access.notes)

    @app.get(SIGN_IN)
    async def show_sign_in() -> Response | WerkzeugResponse:
        return await _page(target=request.args.get("next", ""))

    @app.post(SIGN_IN)
    async def take_sign_in() -> Response | WerkzeugResponse:
        return await _signed_in(access, signing_in)

    @app.post(SIGN_OUT)
    async def sign_out() -> Response | WerkzeugResponse:
        caller, cookie = known_caller(), session_cookie()
        if caller is not None and cookie is not None:
            await access.end(cookie, caller)
        response = redirect(SIGN_IN, 303)
        take_session(response)
        return response

    if parts.settings.oidc_issuer:
        _add_provider(app, access, signing_in, OpenIdProvider(parts.settings))


def _add_provider(app: QuartTrio, access: Access, signing_in: SigningIn, provider: OpenIdProvider) -> None:
    app.jinja_env.globals["sign_in_provider"] = PROVIDER

    @app.get(PROVIDER)
    async def leave_for_provider() -> Response | WerkzeugResponse:
        try:
            address, flow = await provider.begin(_local(request.args.get("next", "")))
        except ProviderFailed as exc:
            return await _page(say("Please try again: %(reason)s.", reason=exc), HTTPStatus.SERVICE_UNAVAILABLE)
        response = redirect(address, 303)
        give_flow(response, urlsafe_b64encode(msgspec.json.encode(flow)).decode())
        return response

    @app.get(f"{PROVIDER}/back")
    async def come_from_provider() -> Response | WerkzeugResponse:
        flow, code = _flow(), request.args.get("code", "")
        if flow is None or not hmac.compare_digest(request.args.get("state", "").encode(), flow.state.encode()):
            response = await _page(say("Please try again: this is of another sign-in."), HTTPStatus.FORBIDDEN)
        elif not code:
            response = await _page(say("The OpenID provider did not sign you in."), HTTPStatus.UNAUTHORIZED)
        else:
            response = await _vouched_for(access, signing_in, provider, flow, code)
        give_flow(response, "")
        return response


async def _vouched_for(
    access: Access, signing_in: SigningIn, provider: OpenIdProvider, flow: SignInFlow, code: str
) -> Response | WerkzeugResponse:
    try:
        cookie = await signing_in.by_provider(provider, flow, code, where())
    except NotSignedIn as exc:
        return await _page(say("You may not come in: %(reason)s.", reason=exc), HTTPStatus.FORBIDDEN)
    except TooOften as exc:
        return await _page(say("Nothing was checked: %(reason)s.", reason=exc), HTTPStatus.TOO_MANY_REQUESTS)
    except (ProviderFailed, BadIdToken, AccessUnreachable) as exc:
        return await _page(say("Please try again: %(reason)s.", reason=exc), HTTPStatus.SERVICE_UNAVAILABLE)
    # No redirect: in one that began at another site, the browser would keep the new cookie to itself.
    response = await make_response(await filled_in("once_more.html", target=_local(flow.target)))
    give_session(response, cookie, access.longest_s)
    return response


def _flow() -> SignInFlow | None:
    try:
        return msgspec.json.decode(urlsafe_b64decode(flow_cookie() or ""), type=SignInFlow)
    except (ValueError, msgspec.DecodeError):
        return None


async def _signed_in(access: Access, signing_in: SigningIn) -> Response | WerkzeugResponse:
    form, key = await request.form, form_cookie()
    target = form.get("next", "")
    if from_another_site() is not False or key is None or not proves(await offered_proof(), key.encode()):
        return await _page(say("Please try again; the browser must allow cookies."), HTTPStatus.FORBIDDEN, target)
    name = form.get("name", "").strip()
    try:
        cookie = await signing_in.by_password(name, form.get("password", ""), where())
    except NotSignedIn:
        text = say("Name and password do not belong together.") if name else say("This is no token of the settings.")
        return await _page(text, HTTPStatus.UNAUTHORIZED, target, name)
    except TooOften as exc:
        return await _page(
            say("Nothing was checked: %(reason)s.", reason=exc), HTTPStatus.TOO_MANY_REQUESTS, target, name
        )
    except TooManySignIns as exc:
        return await _page(str(exc), HTTPStatus.SERVICE_UNAVAILABLE, target, name)
    except AccessUnreachable as exc:
        return await _page(say(_AWAY, reason=exc), HTTPStatus.SERVICE_UNAVAILABLE, target, name)
    response = redirect(_local(target), 303)
    give_session(response, cookie, access.longest_s)
    return response


def _local(target: str) -> str:
    """Return where to go, if that is here, and no place to sign in or out."""
    address = inside(target)
    return ADMIN if address.startswith((SIGN_IN, SIGN_OUT)) else address


async def _page(
    text: str = "", status: HTTPStatus = HTTPStatus.OK, target: str = "", name: str = ""
) -> Response | WerkzeugResponse:
    key = form_cookie() or new_secret()
    html = await filled_in(
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
