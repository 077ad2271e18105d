"""A source: the sample tables and views, in a database of their own, and runs that somebody adds there."""

from __future__ import annotations

import psycopg

from tests.faults.stage import PROJECT

SAMPLES = PROJECT / "schema" / "source"


class SourceTables:
    """Methods block: it is local. There is a page 100, with a token."""

    def __init__(self, url: str) -> None:
        self._owner = psycopg.connect(url, autocommit=True)
        for name in ("tables.sql", "views.sql", "index.sql"):
            self.sql((SAMPLES / name).read_text())
        self.set_page("100", "EAAtoken")

    def sql(self, query: str, *values: object) -> None:
        """Run SQL as their owner."""
        self._owner.execute(query.encode(), values or None)

    def set_page(self, page_id: str, token: str) -> None:
        """Add a page, or change its token."""
        self._owner.execute(
            "INSERT INTO pages VALUES (%s, 'A page', %s) ON CONFLICT (id) DO UPDATE SET access_token = %s",
            [page_id, token, token],
        )

    def add_run(self, people: list[str], *, page_id: str = "100") -> str:
        """Add a run that is to be sent; return its id."""
        with self._owner.transaction():
            row = self._owner.execute(
                "INSERT INTO broadcasts (page_id, message, status) "
                """VALUES (%s, '{"text": "Hi"}', 'queued') RETURNING id::text""",
                [page_id],
            ).fetchone()
            assert row is not None
            with self._owner.cursor() as cursor:
                rows = [(row[0], page_id, person) for person in people]
                cursor.executemany("INSERT INTO broadcast_recipients VALUES (%s, %s, %s)", rows)
        return str(row[0])

    def close(self) -> None:
        """Give the connection up."""
        self._owner.close()
