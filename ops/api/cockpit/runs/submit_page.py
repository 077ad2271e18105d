"""Submitting a run with a file of recipients: first gone through without a trace, then stored."""

from __future__ import annotations

from datetime import UTC, datetime

import trio
from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.wrappers import Response as WerkzeugResponse

from ops.access.caller import Role
from ops.acts.not_done import ActRefused, CannotNow
from ops.acts.run_submission import Submission, checked, new_run_id, submit_run
from ops.api.cockpit.frame.acting import AWAY, told
from ops.api.cockpit.frame.places import ADMIN, run_address
from ops.api.cockpit.frame.rendering import page
from ops.api.cockpit.frame.writing import count, say, why
from ops.api.cockpit.runs.message_text import BadMessage, read_message
from ops.api.door.problems import BadParameter
from ops.api.door.silence import answered_late
from ops.api.door.uploads import STORED_WITHIN_S, Upload
from ops.api.door.who_asks import demand
from ops.api.parts import Parts
from ops.shell.said import explain
from schema.run import MESSAGING_TYPES
from sender.runs.by_hand.errors import BadFile, RunUnusable
from sender.runs.by_hand.submit import SubmittedRun
from sender.runs.databases.errors import RunsError
from sender.runs.dry_run.report import DryRun

ADDRESS = f"{ADMIN}/submit"
FILE = "recipients"
CHECKED_WITHIN_S = 20.0
LONGEST_KEPT = 200_000
"""Characters of a field that are written into the form again."""
_REFUSED = (BadMessage, BadParameter, BadFile, RunUnusable, ActRefused, CannotNow, RunsError)


def add_submit(app: QuartTrio, parts: Parts) -> None:
    """Serve the form, and what it sends."""

    @app.get(ADDRESS)
    async def submit_page() -> Response:
        demand(Role.OPERATOR)
        return await _form({})

    @app.post(ADDRESS)
    async def take_submission() -> Response | WerkzeugResponse:
        who = demand(Role.OPERATOR)
        async with parts.uploads.take(FILE, parts.settings.submit_max_bytes) as upload:
            given = _texts(upload)
            demand(Role.OPERATOR, page_id=given.get("page", ""))
            try:
                run = _described(given)
                if not upload.file.exists() or not upload.file.stat().st_size:
                    raise BadParameter("choose a file of recipients")
                if given.get("do") != "submit":
                    return await _form(given, found=await _checked(parts, run, upload))
                with answered_late(request), trio.fail_after(STORED_WITHIN_S, shield=True):
                    done = await submit_run(
                        parts.settings, parts.redis, run, upload.file, who.who, anyway="anyway" in given
                    )
            except _REFUSED as exc:
                return await _form(given, problem=why(exc))
            except AWAY as exc:
                return await _form(given, problem="\n".join(explain(exc)))
        return await told(_submitted(done), to=run_address(run.run_id))


async def _form(given: dict[str, str], *, found: DryRun | None = None, problem: str = "") -> Response:
    return await page(
        "submit.html",
        at_place="runs",
        given={name: text[:LONGEST_KEPT] for name, text in given.items()},
        found=found,
        problem=problem,
        types=MESSAGING_TYPES,
        new_run_id=new_run_id(),
    )


async def _checked(parts: Parts, run: SubmittedRun, upload: Upload) -> DryRun:
    try:
        with trio.fail_after(CHECKED_WITHIN_S):
            return await checked(parts.settings, parts.redis, run, upload.file)
    except trio.TooSlowError:
        raise BadParameter("going through all takes too long here: newar run check does it") from None


def _texts(upload: Upload) -> dict[str, str]:
    texts = {name: value.decode("utf-8", "replace").strip() for name, value in upload.fields.items()}
    return {name: text for name, text in texts.items() if text}


def _described(given: dict[str, str]) -> SubmittedRun:
    """Return the run that a form describes. Raises BadMessage, BadParameter."""
    return SubmittedRun(
        run_id=given.get("run_id") or given.get("new_run_id") or new_run_id(),
        page_id=given.get("page", ""),
        page_access_token=given.get("token"),
        message=read_message(given.get("message", "")),
        messaging_type=given.get("messaging_type"),
        tag=given.get("tag"),
        scheduled_at=_moment(given, "scheduled_at"),
        expires_at=_moment(given, "expires_at"),
        send_window=given.get("send_window"),
    )


def _moment(given: dict[str, str], name: str) -> datetime | None:
    """Read a moment of the form, which is UTC."""
    if name not in given:
        return None
    try:
        moment = datetime.fromisoformat(given[name])
    except ValueError:
        raise BadParameter(f"{name} is no moment: write for example 2026-11-22T09:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _submitted(done: Submission) -> str:
    text = say("The run %(run)s is submitted. Recipients: %(n)s.", run=done.run_id, n=count(done.recipients))
    return f"{text} {done.taken_as}"
