"""All routes that change something, and how each is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from quart import Response
from quart_trio import QuartTrio

from ops.access.caller import Role
from ops.api.door.bodies import decoded, read_body
from ops.api.door.once import once
from ops.api.door.who_asks import demand
from ops.api.parts import Parts
from ops.api.rest.steering.act_route import ActRoute, Asked
from ops.api.rest.steering.app_routes import APP_ROUTES
from ops.api.rest.steering.log_routes import LOG_ROUTES
from ops.api.rest.steering.people_routes import PEOPLE_ROUTES
from ops.api.rest.steering.run_routes import RUN_ROUTES
from ops.api.rest.steering.steered_pages import PAGE_ROUTES

ACT_ROUTES = (*RUN_ROUTES, *PAGE_ROUTES, *APP_ROUTES, *PEOPLE_ROUTES, *LOG_ROUTES)


def add_acts(app: QuartTrio, parts: Parts) -> None:
    """Serve every route of the table."""
    for route in ACT_ROUTES:
        app.add_url_rule(route.path, f"POST {route.path}", _view(parts, route), methods=["POST"])


def _view(parts: Parts, route: ActRoute) -> Callable[..., Awaitable[Response]]:
    async def view(**names: str) -> Response:
        caller = demand(Role.OPERATOR)
        raw = await read_body()
        body = decoded(raw, route.body)

        async def act(name: str | None) -> msgspec.Struct:
            return await route.do(Asked(parts, caller, name), body, **names)

        return await once(parts.redis, raw, act)

    return view
