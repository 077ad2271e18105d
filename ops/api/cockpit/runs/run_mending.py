"""Mending by a click: a retry for those whom a run did not reach, the rest of a run whose queue was lost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Caller
from ops.acts.not_done import ActRefused, CannotNow
from ops.acts.run_recovery import recover_run
from ops.acts.run_retry import retry_run
from ops.api.cockpit.frame.acting import attempt, question, told
from ops.api.cockpit.frame.places import run_address, run_route
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import count, say, why
from ops.api.cockpit.runs.message_text import BadMessage, as_text, read_message
from ops.api.door.whose_run import demand_known_run
from ops.api.parts import Parts
from ops.board.dry_run import NoSuchRun
from ops.board.message_samples import message_samples
from schema.outcomes import ErrorClass
from sender.runs.by_hand.errors import RunUnusable
from sender.runs.by_hand.recovery import Recovered
from sender.runs.by_hand.retry import Retry, Wish
from sender.runs.databases.errors import RunsError

ROWS_WITHIN_S = 15.0


def add_run_mending(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""
    settings = parts.settings

    async def allowed(run_id: str) -> Caller:
        return await demand_known_run(parts.desks.runs, settings, run_id)

    @app.get(run_route("retry"))
    async def ask_retry_run(run_id: str) -> Response | WerkzeugResponse:
        who, classes = await allowed(run_id), _classes(request.args.getlist("class"))
        wish = _wish(parts, run_id, classes, None, who.who, preview=True)
        problem, found = "", None
        try:
            found = await retry_run(settings, wish)
        except (ActRefused, CannotNow, RunUnusable, RunsError) as exc:
            problem = why(exc)
        message = await _message(parts, run_id)
        return await page(
            "retry.html",
            at_place="runs",
            run_id=run_id,
            found=found,
            problem=problem,
            classes=[one.value for one in classes],
            message=None if message is None else as_text(message),
        )

    @app.post(run_route("retry"))
    async def retry_of_run(run_id: str) -> WerkzeugResponse:
        who, form = await allowed(run_id), await request.form
        try:
            written = read_message(form["message"]) if "message" in form else None
        except BadMessage as exc:
            return await told(str(exc), "bad")
        message = written if written != await _message(parts, run_id) else None  # else it is the run's own
        wish = _wish(parts, run_id, _classes(form.getlist("class")), message, who.who, preview=False)
        act = retry_run(settings, wish, anyway=form.get("anyway") == "1")
        return await attempt(act, _retried, to=run_address(run_id))

    @app.get(run_route("recover"))
    async def ask_recover_run(run_id: str) -> Response:
        await allowed(run_id)
        return await question(
            say("Send what is left of the run %(run)s?", run=run_id),
            say(
                "Its queue was lost with Redis. Whoever has an outcome in the log keeps it; the others are put into "
                "the queue. Do this only when that queue is gone for good: otherwise people get the message twice."
            ),
            run_address(run_id, "recover"),
            say("Recover"),
            back=run_address(run_id),
        )

    @app.post(run_route("recover"))
    async def recover_lost_run(run_id: str) -> WerkzeugResponse:
        who = await allowed(run_id)
        return await attempt(recover_run(settings, run_id, who.who, within_s=ROWS_WITHIN_S), _recovered)


def _wish(
    parts: Parts, run_id: str, classes: Sequence[ErrorClass], message: dict[str, Any] | None, who: str, *, preview: bool
) -> Wish:
    return Wish(
        parent_run_id=run_id,
        run_id=f"{run_id}-retry-{token_hex(3)}",
        classes=classes,
        message=message,
        who=who,
        rules_off=parts.settings.rules_off,
        preview=preview,
    )


def _classes(names: list[str]) -> list[ErrorClass]:
    """Return those of the names that are classes."""
    return [ErrorClass(name) for name in names if name in set(ErrorClass)]


async def _message(parts: Parts, run_id: str) -> dict[str, Any] | None:
    with suppress(NoSuchRun, RunsError):
        return (await message_samples(parts.settings, run_id)).message
    return None


def _retried(made: Retry) -> str:
    text = say(
        "The run %(run)s is made. At most so many people get it: %(n)s.", run=made.run_id, n=count(made.recipients)
    )
    missing = (
        say("Not in the log (yet), and so left out: %(n)s.", n=count(made.rows_missing)) if made.rows_missing else ""
    )
    return f"{text} {missing}".strip()


def _recovered(done: Recovered) -> str:
    text = say("Run %(run)s goes on. People who keep their outcome: %(n)s.", run=done.run_id, n=count(done.ended))
    held = say("It waits for a person to resume it.") if done.held else ""
    return f"{text} {held}".strip()
