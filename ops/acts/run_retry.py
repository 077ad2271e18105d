"""A run for those whom another did not reach, with its message or a mended one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from ops.acts.here import log_url, token_box
from ops.acts.not_done import NotMeant
from ops.acts.settings import RetrySettings
from ops.board.recipients_of import recipients_of
from ops.board.settings import RecipientsSettings
from ops.board.source_of import open_source
from schema.runtime.asyncio_door import aio
from sender.message.errors import BadTemplate
from sender.message.template import MessageTemplate
from sender.runs.by_hand.retry import Retry, Wish, retry
from sender.runs.databases.errors import DatabaseAway, QueryRefused
from sender.runs.dry_run.names import Names, strings
from sender.runs.rules.records import kept_variables
from sender.runs.rules.rows import SourceRun

LOOKED_AT = 1000
"""Recipients whose names are compared with those of a mended message."""


async def retry_run(settings: RetrySettings, wish: Wish, *, anyway: bool = False) -> Retry:
    """Store what is wished; of a preview, only say what that would be.

    Args:
        settings: where runs and recipients stand, and how tokens are sealed.
        wish: for whom, and what.
        anyway: also a message that asks for names that nobody has.

    Raises:
        NotMeant: the message asks for names that nobody has.
        RunMisdescribed, RunUnusable: as of `by_hand.retry`.
        CannotNow: a setting that it takes is missing here.
        DatabaseAway, QueryRefused, psycopg.Error: a database is away or refuses; nothing was stored.
    """
    if wish.message is not None and not anyway:
        stops = await name_stops(settings, wish.parent_run_id, wish.message)
        if stops:
            raise NotMeant("made", stops)
    origin = await _origin(settings, wish.parent_run_id)
    made = await aio(retry, log_url(settings), wish, origin, token_box(settings))
    if not made.of_cancelled or made.rows_missing:
        return made
    with suppress(DatabaseAway, QueryRefused):  # it is stored: that this is not known makes nothing fail
        async with open_source(settings, made.source or "") as source:
            behind = await source.recipients_behind(wish.parent_run_id, made.last_queued) if source else None
        return msgspec.structs.replace(made, never_queued=behind)
    return made


async def name_stops(settings: RecipientsSettings, run_id: str, message: dict[str, Any]) -> list[str]:
    """Say for which names of a message nobody of the run has a value, as far as its first recipients show.

    What is wrong with the message itself is told when the retry is made. Errors: DatabaseAway, QueryRefused,
    psycopg.Error, CannotNow.
    """
    try:
        names = Names(MessageTemplate(message).names, strings(message))
    except BadTemplate:
        return []
    if stand := await recipients_of(log_url(settings), run_id):
        async with open_source(settings, stand.source) as source:
            for row in await source.recipients(stand.run_id, "", LOOKED_AT) if source else []:
                names.add(kept_variables(row.variables))
    return list(names.stops()) if names.people else []


async def _origin(settings: RetrySettings, run_id: str) -> SourceRun | None:
    """Return the run as the source describes it now; what is known of a submitted run is in the log database."""
    async with open_source(settings, "source") as source:
        rows = await source.runs([run_id]) if source else []
        return rows[0] if rows else None
