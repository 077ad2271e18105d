"""A run of one's own, with the recipients of a file."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex

import msgspec
from redis.asyncio import Redis

from ops.acts.here import log_url, token_box
from ops.acts.not_done import NotMeant
from ops.acts.run_desk import sql
from ops.acts.settings import SubmitSettings
from ops.board.dry_run import DryRuns
from ops.board.log_query import query
from ops.board.settings import RecipientsSettings
from schema.runtime.asyncio_door import aio
from sender.runs.by_hand.submit import SubmittedRun, as_row, refuse_unusable, submit
from sender.runs.dry_run.report import DryRun


class Submission(msgspec.Struct, frozen=True):
    """What was stored; the run processor does the rest."""

    run_id: str
    recipients: int
    taken_as: str
    """How the file was taken, in one line."""
    found: DryRun | None
    """What going through it has shown; None: it was not gone through."""


def new_run_id() -> str:
    """Return an id for a run to which nobody has given one."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(3)}"


async def submit_run(
    settings: SubmitSettings, redis: Redis | None, run: SubmittedRun, file: Path, who: str, *, anyway: bool = False
) -> Submission:
    """Store the run with the recipients of the file, all or nothing.

    First it is gone through as by `newar run check`, unless `anyway`; what is certain to go wrong for everybody stops
    it. `redis` None: nobody knows how fast the page may go.

    Raises:
        NotMeant: nobody would get the message, or it asks for a name that nobody has.
        RunMisdescribed, RunUnusable, BadFile, OSError: as of `by_hand.submit`.
        CannotNow: a setting that it takes is missing here.
        DatabaseAway, QueryRefused, psycopg.Error: a database is away or refuses; nothing was stored.
    """
    url, box = log_url(settings), token_box(settings)
    refuse_unusable(run, settings.rules_off)
    box.sealed(run.page_access_token)  # before the file is read twice
    found = None if anyway else await checked(settings, redis, run, file)
    if found is not None and found.stops and not found.unreadable:  # of those, the submission itself tells
        raise NotMeant("submitted", found.stops)
    done = await aio(partial(submit, rules_off=settings.rules_off), url, file, run, box, who)
    return Submission(run.run_id, done.recipients, done.taken_as, found)


async def checked(settings: SubmitSettings, redis: Redis | None, run: SubmittedRun, file: Path) -> DryRun:
    """Go through it, and store nothing. Errors: as of `DryRuns.of_file`."""
    keep_window, rules_off = settings.enforce_messaging_window, settings.rules_off
    return await DryRuns(settings, redis, keep_window=keep_window, rules_off=rules_off).of_file(as_row(run), file)


async def made_before(settings: RecipientsSettings, run_id: str) -> int | None:
    """Return how many recipients a submitted run of this id has (a retry: 0); None: there is none."""
    rows = await query(log_url(settings), sql("made_before"), {"run_id": run_id})
    return rows[0]["recipients"] if rows else None
