"""Whether who asks may do something to a run."""

from __future__ import annotations

from ops.access.caller import Caller, Role
from ops.acts.run_desk import RunDesk, unknown_run
from ops.api.door.who_asks import demand


async def demand_run(desk: RunDesk, run_id: str) -> Caller:
    """Return who sends the request being answered, if they may steer this run. Who may steer all waits for no database.

    Raises:
        Forbidden: they may steer none.
        NoSuch: nobody knows it, or it is of a page that they may not see, which sounds the same.
    """
    found = demand(Role.OPERATOR)
    if "\0" in run_id:  # which no database can be asked for
        raise unknown_run(run_id.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    if found.pages is not None and not found.may_see(await desk.page_of(run_id)):
        raise unknown_run(run_id)
    return found
