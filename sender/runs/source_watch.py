"""How each source fares: what it refuses, and that it is silent, said before anybody gives it up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog
import trio

from schema.snapshot import RunsSnapshot, SourceSnapshot
from sender.runs.databases.database import PATIENCE_S, Database
from sender.runs.databases.errors import DatabaseAway, QueryRefused

log = structlog.get_logger()

SILENT_AFTER_S = 10.0
_LOOK_EVERY_S = 1.0


def fares_of(source: str, figures: RunsSnapshot) -> SourceSnapshot:
    """Return what is published of a source; from its first call on something is, so that its counters begin at 0."""
    return figures.sources.setdefault(source, SourceSnapshot())


@contextmanager
def noted(fares: SourceSnapshot) -> Iterator[None]:
    """Note how a turn of the source ends. Trouble of Redis is not its."""
    try:
        yield
    except (DatabaseAway, QueryRefused) as exc:
        fares.failures += 1
        fares.trouble = str(exc)
        raise
    fares.trouble = ""


async def watch(fares: SourceSnapshot, databases: Sequence[Database]) -> None:
    """Note, until cancelled, which of a source's databases does not answer, for how long, and log it once."""
    silent: str | None = None
    while True:
        waited = [(database.waiting_s(trio.current_time()), database.part) for database in databases]
        for_s, part = max(waited)
        fares.silence = ""
        if for_s >= SILENT_AFTER_S:
            fares.silence = (
                f"the {part} has not answered a query for {for_s:.0f} s: pg_stat_activity shows there what it waits "
                f"for; after {PATIENCE_S} s at the latest it is given up and asked again"
            )
        if fares.silence and silent is None:
            silent = part
            log.warning("part_silent", part=part, for_s=round(for_s), hint="it is asked again when it is given up")
        elif silent is not None and not fares.silence:
            log.info("part_answers_again", part=silent)
            silent = None
        await trio.sleep(_LOOK_EVERY_S)
