"""`POST /api/v1/runs?check=1`: a dry run of what the body describes, or of a run that is there."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

import msgspec
import trio

from ops.api.door.problems import BadParameter
from ops.board.board import NotFound
from ops.board.dry_run import DryRuns, NoSuchRun
from sender.runs.by_hand.errors import BadFile
from sender.runs.by_hand.submit import SubmittedRun, as_row
from sender.runs.dry_run.report import DryRun

ANSWER_WITHIN_S = 20.0
"""A client that hears nothing for half a minute is given up."""


class RunToCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    recipients: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """A list of objects: recipient_id, variables, last_interaction_at, time_zone; all but the first may lack."""


async def check_run(runs: DryRuns, body: bytes) -> DryRun:
    """Go through it.

    Raises:
        BadParameter: the body cannot be used, or it takes too long; the text says what to do.
        NotFound: no run has this id.
        RunsError: a database is away or refuses.
    """
    wanted = _decoded(body)
    try:
        with trio.fail_after(ANSWER_WITHIN_S):
            if wanted.run_id is not None:
                return await runs.of_run(wanted.run_id)
            return await runs.of_file(as_row(_described(wanted)), io.StringIO(_list(wanted), newline=""))
    except NoSuchRun as exc:
        raise NotFound(str(exc)) from None
    except BadFile as exc:
        raise BadParameter(f"recipients: {exc}") from None
    except trio.TooSlowError:
        raise BadParameter("going through all recipients takes too long for HTTP: newar run check does it") from None


def _decoded(body: bytes) -> RunToCheck:
    try:
        wanted = msgspec.json.decode(body, type=RunToCheck)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:  # a ValidationError is one too
        raise BadParameter(f"the body cannot be read as a run: {exc}") from None
    described = [wanted.page_id, wanted.message, wanted.recipients or None]
    if wanted.run_id is None and any(part is None for part in described):
        raise BadParameter("write run_id alone, or page_id, message and recipients")
    if wanted.run_id is not None and any(part is not None for part in described):
        raise BadParameter("run_id names a run that is there: leave page_id, message and recipients out")
    if any(moment is not None and moment.tzinfo is None for moment in (wanted.scheduled_at, wanted.expires_at)):
        raise BadParameter("a moment has no time zone: write for example 2026-11-22T09:30:00Z")
    return wanted


def _described(wanted: RunToCheck) -> SubmittedRun:
    return SubmittedRun(
        run_id="check",
        page_id=wanted.page_id or "",
        message=wanted.message or {},
        messaging_type=wanted.messaging_type,
        tag=wanted.tag,
        notification_type=wanted.notification_type,
        scheduled_at=wanted.scheduled_at,
        expires_at=wanted.expires_at,
        send_window=wanted.send_window,
    )


def _list(wanted: RunToCheck) -> str:
    text = "" if wanted.recipients is msgspec.UNSET else bytes(wanted.recipients).decode()
    if not text.startswith("["):
        raise BadParameter("recipients must be a list of objects, each with a recipient_id")
    return text
