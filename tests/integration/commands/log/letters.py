"""Dead letters as the ingest leaves them, and what the database has of them and of rows."""

from __future__ import annotations

from collections.abc import Iterable

from tests.integration.commands.servers import sql

LIFE = "cluster/topic/life"
WRONG = "Object missing required field `recipient_id`"


def bury(url: str, raws: Iterable[bytes], *, partition: int = 0, reason: str = WRONG, hours_ago: float = 0) -> None:
    """Put these messages beside the log, at the offsets that follow each other."""
    statement = (
        'INSERT INTO message_log_dead_letters (cluster_id, topic, topic_id, partition, "offset", raw, reason, '
        "received_at) VALUES ('cluster', 'topic', 'life', %s, %s, %s, %s, now() - make_interval(secs => 3600 * %s))"
    )
    [(start,)] = sql(url, "SELECT count(*) FROM message_log_dead_letters")
    for offset, raw in enumerate(raws, start):
        sql(url, statement, partition, offset, raw, reason, hours_ago)


def left(url: str) -> list[tuple[int, bytes, str]]:
    """Return offset, bytes and reason of those that are there."""
    rows = sql(url, 'SELECT "offset", raw, reason FROM message_log_dead_letters ORDER BY 1')
    return [(offset, bytes(raw), reason) for offset, raw, reason in rows]


def logged(url: str) -> list[str]:
    """Return the people of the rows of the log."""
    return [who for (who,) in sql(url, "SELECT recipient_id FROM message_logs ORDER BY recipient_id")]


def acts(url: str) -> list[tuple[str, str]]:
    """Return what the audit trail says, oldest first."""
    return sql(url, "SELECT what, detail FROM audit ORDER BY id")
