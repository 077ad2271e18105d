"""Whether who asks may do something to a run."""

from __future__ import annotations

from contextlib import suppress

from ops.access.caller import Caller, Role
from ops.acts.not_done import NoSuch
from ops.acts.run_desk import RunDesk, unknown_run
from ops.api.door.who_asks import demand
from ops.board.settings import RecipientsSettings
from ops.board.source_of import page_in_source


async def demand_run(desk: RunDesk, run_id: str) -> Caller:
    """Return who sends the request being answered, if they may steer this run. Who may steer all waits for no database.

    Raises:
        Forbidden: they may steer none.
        NoSuch: nobody knows it, or it is of a page that they may not see, which sounds the same.
    """
    found = _demand_id(run_id)
    if found.pages is not None and not found.may_see(await desk.page_of(run_id)):
        raise unknown_run(run_id)
    return found


async def demand_known_run(desk: RunDesk, settings: RecipientsSettings, run_id: str) -> Caller:
    """As `demand_run`, of a run that has to be there, if only in the source: it may not be taken yet.

    Errors besides: DatabaseAway, QueryRefused, and those of the queue.
    """
    found, page_id = _demand_id(run_id), None
    with suppress(NoSuch):
        page_id = await desk.page_of(run_id)
    page_id = page_id or await page_in_source(settings, run_id)
    if page_id is None or not found.may_see(page_id):
        raise unknown_run(run_id)
    return found


def _demand_id(run_id: str) -> Caller:
    found = demand(Role.OPERATOR)
    if "\0" in run_id:  # which no database can be asked for
        raise unknown_run(run_id.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    return found
