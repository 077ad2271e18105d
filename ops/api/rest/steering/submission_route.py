"""`POST /api/v1/runs`: a run with its recipients; with `?check=1` it is only gone through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import trio
from msgspec import Meta
from quart import Response, request
from quart_trio import QuartTrio

from ops.access.caller import Caller, Role
from ops.acts.not_done import NotMeant
from ops.acts.run_submission import Submission, made_before, new_run_id, submit_run
from ops.api.door.bodies import ANYWAY
from ops.api.door.json_answers import json_answer
from ops.api.door.once import given_key, once
from ops.api.door.problems import BadParameter
from ops.api.door.silence import answered_late
from ops.api.door.uploads import STORED_WITHIN_S, Upload
from ops.api.door.who_asks import demand
from ops.api.parts import Parts
from ops.api.rest.steering.act_route import Body
from ops.board.board import NotFound
from ops.board.dry_run import DryRuns, NoSuchRun
from sender.runs.by_hand.submit import SubmittedRun, as_row
from sender.runs.dry_run.report import DryRun

RUNS = "/api/v1/runs"
CHECKED_WITHIN_S = 20.0
"""A client that hears nothing for half a minute is given up."""
FILE = "recipients"

T = TypeVar("T", bound=msgspec.Struct)


class RunToSubmit(Body, frozen=True, kw_only=True):
    """A run, as for `newar run submit`. What is left out is as it is there; moments have their zone."""

    run_id: str | None = None
    """Made up when left out."""
    page_id: Annotated[str, Meta(pattern="^[0-9]{1,100}$")]
    page_access_token: str | None = None
    """Counts where the source has none of this page. It is stored sealed."""
    message: Annotated[dict[str, Any], Meta(min_length=1)]
    """The Send API's message object."""
    messaging_type: str | None = None
    tag: str | None = None
    notification_type: str | None = None
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    send_window: str | None = None
    priority: int | None = None
    on_unknown: str | None = None
    anyway: bool = False
    """Submit it also where it cannot be meant so, as a check says."""


class RunToCheck(Body, frozen=True, kw_only=True):
    """A run that is there, by its id alone; or one that is described, as for `newar run submit`."""

    run_id: str | None = None
    page_id: str | None = None
    message: dict[str, Any] | None = None
    messaging_type: str | None = None
    tag: str | None = None
    notification_type: str | None = None
    scheduled_at: datetime | None = None
    """Moments have their zone."""
    expires_at: datetime | None = None
    send_window: str | None = None
    run: RunToSubmit | None = None
    """A run exactly as it is to be submitted, instead of all that."""
    recipients: list[dict[str, Any]] | None = None
    """Objects with recipient_id, variables, last_interaction_at, time_zone; all but the first may lack. It is read from
    the disk, and is not here."""


def add_submission(app: QuartTrio, parts: Parts) -> None:
    """Serve it."""

    @app.post(RUNS)
    async def submit_or_check() -> Response:
        if strange := [name for name in request.args if name != "check"]:
            raise BadParameter(f"{', '.join(strange)}: no parameter of this; there is check=1")
        if request.args.get("check", "1") != "1":
            raise BadParameter("check: write 1, or leave it out to submit the run")
        return await (_check(parts) if "check" in request.args else _submit(parts))


async def _submit(parts: Parts) -> Response:
    demand(Role.OPERATOR)
    async with parts.uploads.take(FILE, parts.settings.submit_max_bytes) as upload:
        if strange := sorted(upload.fields.keys() - {"run"}):
            raise BadParameter(f"{', '.join(strange)}: not known; there are run and {FILE}")
        wanted = _decoded(upload.fields.get("run", b""), RunToSubmit, "run")
        _refuse_unsaid(upload, wanted)
        caller = demand(Role.OPERATOR, page_id=wanted.page_id)

        async def act(name: str | None) -> Submission:
            run_id = wanted.run_id or (f"api-{name}" if name else new_run_id())
            if wanted.run_id is None and name and (before := await made_before(parts.settings, run_id)) is not None:
                return Submission(run_id, before, "submitted before, by this same request", None)
            run = _described(wanted, run_id)
            try:
                return await submit_run(parts.settings, parts.redis, run, upload.file, caller.who, anyway=wanted.anyway)
            except NotMeant as exc:
                raise exc.with_hint(ANYWAY) from None

        with answered_late(request):
            return await once(parts.redis, upload.digest, act, within_s=STORED_WITHIN_S)


async def _check(parts: Parts) -> Response:
    caller = demand(Role.VIEWER)
    given_key()  # which changes nothing here, and must be one all the same
    runs = parts.board.dry_runs
    async with parts.uploads.take(FILE, parts.settings.submit_max_bytes) as upload:
        try:
            with trio.fail_after(CHECKED_WITHIN_S):
                found = await _gone_through(runs, upload, caller)
        except trio.TooSlowError:
            raise BadParameter("going through all takes too long for HTTP: newar run check does it") from None
    return json_answer(found)


async def _gone_through(runs: DryRuns, upload: Upload, caller: Caller) -> DryRun:
    wanted = _decoded(_object(upload.fields), RunToCheck, "body")
    if (page_id := wanted.run.page_id if wanted.run else wanted.page_id) is not None:
        demand(Role.VIEWER, page_id=page_id)
    if wanted.run is not None:
        _refuse_unsaid(upload, wanted.run)
        return await runs.of_file(as_row(_described(wanted.run, wanted.run.run_id or "check")), upload.file)
    described = [wanted.page_id, wanted.message, upload.file.stat().st_size or None]
    if wanted.run_id is None and any(part is None for part in described):
        raise BadParameter(f"write run_id alone, or page_id, message and {FILE}")
    if wanted.run_id is None:
        _refuse_naive(wanted)
        return await runs.of_file(as_row(_described(wanted, "check")), upload.file)
    if any(part is not None for part in described):
        raise BadParameter(f"run_id names a run that is there: leave page_id, message and {FILE} out")
    return await _of_run(runs, wanted.run_id, caller)


async def _of_run(runs: DryRuns, run_id: str, caller: Caller) -> DryRun:
    """Go through a run that is there; of one of another page whoever may see some hears what they hear of none."""
    unseen = f"no run of the pages that you may see has the id {run_id}, or it is a retry: check the run before it"
    try:
        found = await runs.of_run(run_id)
    except NoSuchRun as exc:
        raise NotFound(str(exc) if caller.pages is None else unseen) from None
    if caller.pages is not None and not caller.may_see(found.page_id or ""):
        raise NotFound(unseen)
    return found


def _decoded(text: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:  # a ValidationError is one too
        raise BadParameter(f"the {name} cannot be read as a run: {exc}") from None


def _object(fields: Mapping[str, bytes]) -> bytes:
    parts = [msgspec.json.encode(name) + b":" + (value.strip() or b"null") for name, value in fields.items()]
    return b"{" + b",".join(parts) + b"}"


def _refuse_unsaid(upload: Upload, wanted: RunToSubmit) -> None:
    if not _has_file(upload.file):
        raise BadParameter(f"{FILE} is missing: a list of objects, each with a recipient_id; or in a form a file")
    token = wanted.page_access_token
    if token is not None and (not token or any(c.isspace() or not c.isascii() for c in token)):
        raise BadParameter("page_access_token holds more than a token, or nothing: write the token, or leave it out")
    if wanted.run_id is not None and not wanted.run_id.strip():
        raise BadParameter("run_id is empty: write one, or leave it out")
    _refuse_naive(wanted)


def _refuse_naive(wanted: RunToSubmit | RunToCheck) -> None:
    if any(moment is not None and moment.tzinfo is None for moment in (wanted.scheduled_at, wanted.expires_at)):
        raise BadParameter("a moment has no time zone: write for example 2026-11-22T09:30:00Z")
    if wanted.send_window is not None and not wanted.send_window.strip():
        raise BadParameter("send_window is empty: leave it out to send at any hour")


def _has_file(file: Path) -> bool:
    return file.stat().st_size > 0


def _described(wanted: RunToSubmit | RunToCheck, run_id: str) -> SubmittedRun:
    given = msgspec.structs.asdict(wanted)
    known = {field.name for field in msgspec.structs.fields(SubmittedRun)}
    kept = {name: value for name, value in given.items() if name in known}
    return SubmittedRun(**{**kept, "run_id": run_id})
