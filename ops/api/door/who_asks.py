"""Every request passes here before it is answered: who is it from, and may they do this?"""

from __future__ import annotations

from quart import g, request
from quart_trio import QuartTrio

from ops.access.caller import Caller, Role
from ops.api.door.access import Access
from ops.api.door.problems import Forbidden, ForeignHost, Unauthorized

OPEN_TO_ALL = frozenset({"/health", "/health/live"})


def guard(app: QuartTrio, access: Access) -> None:
    """Let nobody in whom `access` does not know, but to what is open to all."""

    @app.before_request
    async def come_in() -> None:
        if not access.host_allowed(request.headers.get("Host")):
            raise ForeignHost
        g.caller = await access.caller(request.headers.get("Authorization"), request.remote_addr or "")
        if g.caller is None and request.path not in OPEN_TO_ALL:
            raise Unauthorized


def known_caller() -> Caller | None:
    """Return who sends the request being answered; None: anybody."""
    found: Caller | None = g.caller
    return found


def caller() -> Caller:
    """Return who sends the request being answered."""
    found = known_caller()
    if found is None:
        raise Unauthorized
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
