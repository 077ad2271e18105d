"""What is done to a run by a click. What cannot be undone asks first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller
from ops.acts import run_acts
from ops.acts.run_acts import RunDone
from ops.api.cockpit.frame.acting import attempt, question
from ops.api.cockpit.frame.places import run_address, run_route
from ops.api.cockpit.frame.writing import count, say
from ops.api.door.whose_run import demand_run
from ops.api.parts import Parts

Act = Callable[..., Awaitable[RunDone]]
HOURS = (2, 12, 24, 72)


def add_run_steering(app: QuartTrio, parts: Parts) -> None:
    """Serve the acts, and the questions before them."""
    desk = parts.desks.runs

    async def allowed(run_id: str) -> Caller:
        return await demand_run(desk, run_id)

    @app.post(run_route("pause"))
    async def pause_run(run_id: str) -> WerkzeugResponse:
        who = await allowed(run_id)
        return await attempt(run_acts.pause_run(desk, run_id, who.who), _paused)

    @app.post(run_route("resume"))
    async def resume_run(run_id: str) -> WerkzeugResponse:
        who = await allowed(run_id)
        return await attempt(run_acts.resume_run(desk, run_id, who.who), _resumed)

    @app.get(run_route("cancel"))
    async def ask_cancel_run(run_id: str) -> Response:
        await allowed(run_id)
        left = (await parts.board.run(run_id)).left
        return await question(
            say("Cancel the run %(run)s?", run=run_id),
            say("Messages that will not be sent: %(n)s. This cannot be undone.", n=count(left)),
            run_address(run_id, "cancel"),
            say("Cancel the run"),
            back=run_address(run_id),
            danger=True,
        )

    @app.post(run_route("cancel"))
    async def cancel_run(run_id: str) -> WerkzeugResponse:
        who = await allowed(run_id)
        return await attempt(run_acts.cancel_run(desk, run_id, who.who), _cancelled)

    @app.get(run_route("extend"))
    async def ask_extend_run(run_id: str) -> Response:
        await allowed(run_id)
        run = await parts.board.run(run_id)
        return await question(
            say("Give the run %(run)s more time?", run=run_id),
            say("It expires at %(at)s UTC.", at=_moment(run.expires_at)),
            run_address(run_id, "extend"),
            say("Extend"),
            back=run_address(run_id),
            choices=[(str(n), say("by %(n)s hours", n=n)) for n in HOURS],
            choice_name="hours",
        )

    @app.post(run_route("extend"))
    async def extend_run(run_id: str) -> WerkzeugResponse:
        who = await allowed(run_id)
        hours = (await request.form).get("hours", "")
        by = timedelta(hours=int(hours)) if hours in map(str, HOURS) else timedelta(hours=HOURS[0])
        return await attempt(run_acts.extend_run(desk, run_id, who.who, by=by), _extended)


def _paused(done: RunDone) -> str:
    text = say("Run %(run)s is paused. Messages that wait: %(n)s.", run=done.run_id, n=count(done.left))
    return " ".join([text, *done.notes])


def _resumed(done: RunDone) -> str:
    return " ".join([say("Run %(run)s goes on.", run=done.run_id), *done.notes])


def _cancelled(done: RunDone) -> str:
    text = say("Run %(run)s is cancelled. Messages that are not sent: %(n)s.", run=done.run_id, n=count(done.left))
    return " ".join([text, *done.notes])


def _extended(done: RunDone) -> str:
    text = say("Run %(run)s expires at %(at)s UTC now.", run=done.run_id, at=_moment(done.expires_at))
    return " ".join([text, *done.notes])


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if at else "?"
