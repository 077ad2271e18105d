"""The cookies: which names they have, and how careful browsers shall be with them."""

from __future__ import annotations

from quart import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.api.door.access import LOOPBACK_NAMES, bare_name

_SESSION = "newar"
_FORM = "newar-form"
_FLOW = "newar-provider"
FLOW_FOR_S = 600


def session_cookie() -> str | None:
    """Return what the request being answered holds of a session."""
    return request.cookies.get(_name(_SESSION)) or None


def form_cookie() -> str | None:
    """Return by what a form of somebody who is not signed in yet is known to be theirs."""
    return request.cookies.get(_name(_FORM)) or None


def give_session(response: Response | WerkzeugResponse, value: str, for_s: float) -> None:
    """Let the browser keep a session; no page of another site makes it send this."""
    _give(response, _SESSION, value, int(for_s))


def give_form(response: Response | WerkzeugResponse, value: str) -> None:
    """Let the browser keep by what its form will be known."""
    _give(response, _FORM, value, None)


def flow_cookie() -> str | None:
    """Return what the browser kept while somebody was at the OpenID provider."""
    return request.cookies.get(_name(_FLOW)) or None


def give_flow(response: Response | WerkzeugResponse, value: str) -> None:
    """Let the browser keep something until it comes back; sent when the provider's page leads here (Lax)."""
    _give(response, _FLOW, value, FLOW_FOR_S if value else 0, samesite="Lax")


def take_session(response: Response | WerkzeugResponse) -> None:
    """Let the browser forget its session."""
    _give(response, _SESSION, "", 0)


def _give(
    response: Response | WerkzeugResponse, name: str, value: str, for_s: int | None, samesite: str = "Strict"
) -> None:
    response.set_cookie(_name(name), value, max_age=for_s, path="/", secure=by_tls(), httponly=True, samesite=samesite)


def _name(name: str) -> str:
    """With this prefix a browser takes it only from here, over TLS: no neighbour in the domain can set it."""
    return f"__Host-{name}" if by_tls() else name


def by_tls() -> bool:
    """Tell whether the browser speaks TLS: always, but with this machine, where not all browsers keep such cookies."""
    here = bare_name(request.headers.get("Host", "")) in LOOPBACK_NAMES
    return not here or request.headers.get("X-Forwarded-Proto", "").lower() == "https"
