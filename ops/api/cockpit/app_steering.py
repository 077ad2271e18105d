"""Stopping everything by a click, and letting it go on."""

from __future__ import annotations

from quart import Response
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller, Role
from ops.acts.app_acts import AppDone, pause_all, resume_all
from ops.api.cockpit.frame.acting import attempt, question
from ops.api.cockpit.frame.places import ADMIN
from ops.api.cockpit.frame.writing import count, say
from ops.api.door.who_asks import demand, demand_every_page
from ops.api.parts import Parts

PAUSE, RESUME = f"{ADMIN}/act/all/pause", f"{ADMIN}/act/all/resume"


def add_app_steering(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""
    queue = parts.desks.app

    @app.get(PAUSE)
    async def ask_pause_all() -> Response:
        _allowed()
        return await question(
            say("Pause everything?"),
            say("No page sends anything until somebody resumes it; what is in flight ends as it ends."),
            PAUSE,
            say("Pause everything"),
            danger=True,
        )

    @app.post(PAUSE)
    async def pause_everything() -> WerkzeugResponse:
        return await attempt(pause_all(queue, _allowed().who), _paused)

    @app.post(RESUME)
    async def resume_everything() -> WerkzeugResponse:
        return await attempt(resume_all(queue, _allowed().who), lambda _done: say("Everything goes on."))


def _allowed() -> Caller:
    demand(Role.OPERATOR)
    return demand_every_page()


def _paused(done: AppDone) -> str:
    return say("Everything is paused. Messages still in flight: %(n)s.", n=count(done.held_by_senders))
