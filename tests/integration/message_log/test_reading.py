"""What is read page by page is the whole list, in order, whatever comes or goes meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
import trio

from ingest.days.arithmetic import partition_name
from ops.bench.log_days import open_days
from ops.message_log import kept_connections
from ops.message_log.after import After
from ops.message_log.kept_connections import KeptConnections
from ops.message_log.log_rows import LogRow, read_figures, read_rows
from ops.message_log.question import question
from tests.integration.log_figures import count_again
from tests.patience import patience_s

_ROWS = """
    INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, error_code,
        message_id, sender_id, sent_at)
    SELECT gen_random_uuid(), 'r' || n % 2, (n % 3)::text, (n % 7)::text, 1, outcome, class, code, 'm' || n, 's',
        %(at)s + (n / 5) * interval '1 second'
    FROM generate_series(0, 299) n
    JOIN (VALUES
        (0, 'sent', NULL, NULL::int), (1, 'failed', 'recipient_permanent', 551), (2, 'failed', 'transient', 2),
        (3, 'retrying', NULL, NULL), (4, 'retrying', 'transient', 2), (5, 'unknown', 'ambiguous', NULL)
    ) kinds (kind, outcome, class, code) ON kind = n % 6
""".replace(" % ", " %% ")
FAILED = {"failed", "unknown"}
EVERY_KIND: list[tuple[dict[str, str], Any]] = [
    ({"recipient": "3"}, lambda r: r["recipient_id"] == "3"),
    (
        {"recipient": "3", "page": "1", "run": "r0"},
        lambda r: (r["recipient_id"], r["page_id"], r["run_id"]) == ("3", "1", "r0"),
    ),
    ({"run": "r1"}, lambda r: r["run_id"] == "r1"),
    ({"run": "r1", "outcome": "retrying"}, lambda r: (r["run_id"], r["outcome"]) == ("r1", "retrying")),
    ({"run": "r0", "class": "transient"}, lambda r: (r["run_id"], r["error_class"]) == ("r0", "transient")),
    ({"run": "r0", "code": "2"}, lambda r: (r["run_id"], r["error_code"]) == ("r0", 2)),
    ({"failures": "1", "run": "r1"}, lambda r: r["run_id"] == "r1" and r["outcome"] in FAILED),
    ({"failures": "1", "run": "r1", "code": "551"}, lambda r: r["run_id"] == "r1" and r["error_code"] == 551),
    ({"page": "2"}, lambda r: r["page_id"] == "2"),
    ({"failures": "1", "page": "2"}, lambda r: r["page_id"] == "2" and r["outcome"] in FAILED),
    (
        {"failures": "1", "page": "2", "code": "2"},
        lambda r: (r["page_id"], r["outcome"], r["error_code"]) == ("2", "failed", 2),
    ),
    ({"failures": "1"}, lambda r: r["outcome"] in FAILED),
    ({"failures": "1", "code": "2"}, lambda r: (r["outcome"], r["error_code"]) == ("failed", 2)),
    ({"message": "m7"}, lambda r: r["message_id"] == "m7"),
    ({"page": "of nobody"}, lambda _: False),
    ({"run": "of nobody"}, lambda _: False),
]


@pytest.fixture
def log(log_database_url: str) -> str:
    """Rows around a midnight, of which five have each moment."""
    today = asyncio.run(open_days(log_database_url, 0))
    with psycopg.connect(log_database_url) as connection:
        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
        connection.execute(_ROWS.encode(), {"at": midnight - timedelta(seconds=30)})
        count_again(connection)
    return log_database_url


@pytest.fixture
async def connections(log: str, asyncio_loop: Any) -> AsyncIterator[KeptConnections]:
    opened = KeptConnections(log)
    yield opened
    await opened.close()


async def pages(connections: KeptConnections, filters: dict[str, str], limit: int) -> AsyncIterator[list[LogRow]]:
    after: dict[str, str] = {}
    while True:
        answer = await read_rows(connections.ask, question({**filters, **after}), limit)
        yield answer.rows
        if answer.next is None:
            return
        after = {"after": answer.next}


async def test_pages_together_are_the_whole_list_newest_first(connections: KeptConnections) -> None:
    rows = await connections.ask("SELECT * FROM message_logs ORDER BY sent_at DESC, event_id DESC")
    for filters, fits in EVERY_KIND:
        wanted = [row["event_id"] for row in rows if fits(row)]
        for limit in (3, 1000):
            found = [row.event_id async for page in pages(connections, filters, limit) for row in page]
            assert found == wanted, (filters, limit)


@pytest.mark.parametrize("theirs", [frozenset({"2"}), frozenset({"1", "3"}), frozenset()])
async def test_of_some_pages_every_answer_is_full_until_the_last(
    connections: KeptConnections, theirs: frozenset[str]
) -> None:
    """A place in the list is one of their rows, so that it tells of no other's."""
    rows = await connections.ask("SELECT * FROM message_logs ORDER BY sent_at DESC, event_id DESC")
    for filters, fits in EVERY_KIND:
        if filters.get("page", "2") not in theirs:
            continue  # that it is none of theirs is known beforehand
        wanted = [row["event_id"] for row in rows if fits(row) and row["page_id"] in theirs]
        asked = msgspec.structs.replace(question(filters), pages=theirs)
        found: list[LogRow] = []
        while True:
            answer = await read_rows(connections.ask, asked, 3)
            found += answer.rows
            if answer.next is None:
                break
            assert len(answer.rows) == 3
            assert str(answer.rows[-1].event_id) in answer.next
            asked = msgspec.structs.replace(asked, after=After.read(answer.next))
        assert [row.event_id for row in found] == wanted, filters


async def test_an_answer_has_the_row_as_it_is(connections: KeptConnections) -> None:
    answer = await read_rows(connections.ask, question({"message": "m7"}), 5)
    [row] = await connections.ask("SELECT * FROM message_logs WHERE message_id = 'm7'")
    assert msgspec.structs.asdict(answer.rows[0]) == row
    assert answer.next is None


async def test_the_newest_rows_that_the_ingest_takes_are_shown(connections: KeptConnections, log: str) -> None:
    """Those of a sender whose clock is ahead: up to the end of tomorrow."""
    with psycopg.connect(log) as connection:
        [(newest,)] = connection.execute(
            "UPDATE message_logs SET sent_at = date_trunc('day', now(), 'UTC') + interval '47:59:59'"
            " WHERE message_id = 'm7' RETURNING sent_at"
        )
    answer = await read_rows(connections.ask, question({"message": "m7"}), 5)
    assert [row.sent_at for row in answer.rows] == [newest]


async def test_time_narrows_every_list(connections: KeptConnections) -> None:
    [row] = await connections.ask("SELECT min(sent_at) + interval '30 s' AS midnight FROM message_logs")
    since, until = (row["midnight"] + timedelta(seconds=n) for n in (-3, 2))
    rows = await connections.ask("SELECT * FROM message_logs ORDER BY sent_at DESC, event_id DESC")
    for filters, fits in EVERY_KIND:
        wanted = [r["event_id"] for r in rows if fits(r) and since <= r["sent_at"] < until]
        times = {"from": since.isoformat(), "to": until.isoformat()}
        found = [row.event_id async for page in pages(connections, {**filters, **times}, 3) for row in page]
        assert found == wanted, filters


async def test_a_list_goes_on_whatever_comes_or_goes(connections: KeptConnections, log: str) -> None:
    """Newer rows come in, and the older day is dropped, between two pages."""
    found: list[UUID] = []
    rows = await connections.ask(
        "SELECT event_id, sent_at FROM message_logs WHERE page_id = '1' ORDER BY sent_at DESC, event_id DESC"
    )
    newer = [
        row["event_id"] for row in rows if row["sent_at"] >= rows[0]["sent_at"].replace(hour=0, minute=0, second=0)
    ]
    async for page in pages(connections, {"page": "1"}, 10):
        found += [row.event_id for row in page]
        with psycopg.connect(log) as connection:
            connection.execute(_ROWS.encode(), {"at": page[0].sent_at + timedelta(seconds=40)} if page else {})
            name = partition_name(rows[-1]["sent_at"].astimezone(UTC).date())
            connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
    assert found == newer


async def test_a_connection_that_was_cut_is_opened_again(connections: KeptConnections, log: str) -> None:
    assert await connections.ask("SELECT 1 AS one") == [{"one": 1}]
    with psycopg.connect(log) as other:
        cut = other.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    assert cut == [(True,)]
    assert await connections.ask("SELECT 1 AS one") == [{"one": 1}]


async def test_a_refused_statement_keeps_its_connection(connections: KeptConnections) -> None:
    [before] = await connections.ask("SELECT pg_backend_pid()")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await connections.ask("SELECT 1 FROM nothing_of_that_name")
    with pytest.raises(psycopg.errors.QueryCanceled):
        await connections.ask("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)")
    assert [before] == await connections.ask("SELECT pg_backend_pid()")


async def test_a_question_that_is_given_up_spoils_nothing(connections: KeptConnections) -> None:
    with trio.move_on_after(0.2):
        await connections.ask("SELECT pg_sleep(600)")
    assert await connections.ask("SELECT 1 AS one") == [{"one": 1}]
    with trio.fail_after(patience_s()):
        while await connections.ask("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"):
            await trio.sleep(0.05)


async def test_more_questions_than_connections_wait_for_their_turn(connections: KeptConnections) -> None:
    seen: set[int] = set()

    async def one() -> None:
        [row] = await connections.ask("SELECT pg_backend_pid() AS pid, pg_sleep(0.01)")
        seen.add(row["pid"])

    async with trio.open_nursery() as nursery:
        for _ in range(5 * kept_connections.MOST):
            nursery.start_soon(one)
    assert 1 <= len(seen) <= kept_connections.MOST


async def test_figures_of_a_run_are_all_that_its_rows_add_up_to(connections: KeptConnections) -> None:
    figures = await read_figures(connections.ask, "r1")
    rows = await connections.ask("SELECT outcome, error_class FROM message_logs WHERE run_id = 'r1'")
    kinds = [(row["outcome"], row["error_class"] or "") for row in rows]
    assert {(one.outcome, one.error_class): one.messages for one in figures} == {k: kinds.count(k) for k in kinds}
