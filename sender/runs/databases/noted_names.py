"""What the source calls its pages, noted in the log database for people: Redis, which has it too, may be emptied."""

from __future__ import annotations

from collections.abc import Iterable

from sender.runs.databases.database import Database, statement
from sender.runs.rules.rows import PageRow


class NotedNames:
    """Methods are Trio coroutines that may be repeated. Errors: DatabaseAway, QueryRefused."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, str | None] = {}
        """No name in here is empty."""

    async def note(self, rows: Iterable[PageRow]) -> None:
        """Note the names of these pages, where they are others than this process has noted before."""
        names = {row.page_id: (row.name or "").strip() or None for row in rows}
        news = {page_id: name for page_id, name in names.items() if self._noted.get(page_id, "") != name}
        if news:
            await self._database.rows(statement("note_names"), page_ids=list(news), names=list(news.values()))
            self._noted |= news
