"""Who may come in: people with their roles and pages, and keys of programs. For admins."""

from __future__ import annotations

from urllib.parse import quote

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.access_database import AccessUnreachable
from ops.access.caller import Role
from ops.access.names import role_named
from ops.access.users import Users
from ops.api.cockpit.frame.acting import DONE_WITHIN_S, NOT_ADMITTED, attempt, question, told
from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import say, why
from ops.api.door.who_asks import demand, demand_every_page
from ops.api.parts import Parts
from ops.board.board import NotFound

ADDRESS = f"{ADMIN}/users"


def add_users(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.get(ADDRESS)
    async def users_page() -> Response:
        _allowed()
        people, keys, problem = [], [], ""
        try:
            users = _users(parts)
            people, keys = await users.all(), await users.keys()
        except (NotFound, AccessUnreachable) as exc:
            problem = why(exc)
        return await page("users.html", at_place="users", people=people, keys=keys, problem=problem)

    @app.post(f"{ADDRESS}/add")
    async def add_user() -> WerkzeugResponse:
        who, form = _allowed(), await request.form
        name, pages = form.get("name", "").strip(), form.get("pages", "").split()

        async def add() -> None:
            role = role_named(form.get("role", "viewer"))
            await _users(parts).add(name, form.get("password", ""), role, pages or None, who)

        return await attempt(add(), lambda _: say("%(name)s may come in now.", name=name), to=ADDRESS)

    @app.get(f"{ADDRESS}/remove/<name>")
    async def ask_remove_user(name: str) -> Response:
        _allowed()
        return await question(
            say("Let %(name)s in no more?", name=name),
            say("Their sessions end at once."),
            f"{ADDRESS}/remove/{quote(name, safe='')}",
            say("Remove"),
            back=ADDRESS,
            danger=True,
        )

    @app.post(f"{ADDRESS}/remove/<name>")
    async def remove_user(name: str) -> WerkzeugResponse:
        who = _allowed()
        act = _users(parts).remove(name, who)
        return await attempt(act, lambda _: say("%(name)s may come in no more.", name=name), to=ADDRESS)

    @app.post(f"{ADDRESS}/add-key")
    async def add_key() -> Response | WerkzeugResponse:
        who, form = _allowed(), await request.form
        name, pages = form.get("name", "").strip(), form.get("pages", "").split()
        try:
            with trio.fail_after(DONE_WITHIN_S, shield=True):
                secret = await _users(parts).add_key(name, role_named(form.get("role", "viewer")), pages or None, who)
        except NOT_ADMITTED as exc:
            return await told(why(exc), "bad", to=ADDRESS)
        return await page("new_key.html", at_place="users", name=name, secret=secret)

    @app.post(f"{ADDRESS}/remove-key/<name>")
    async def remove_key(name: str) -> WerkzeugResponse:
        who = _allowed()
        act = _users(parts).remove_key(name, who)
        return await attempt(act, lambda _: say("The key %(name)s counts no more.", name=name), to=ADDRESS)


def _allowed() -> str:
    demand(Role.ADMIN)
    return demand_every_page().who


def _users(parts: Parts) -> Users:
    if parts.access.users is None:
        raise NotFound("LOG_DATABASE_URL is not set for this service: users are in the log database")
    return parts.access.users
