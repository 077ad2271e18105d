"""Somebody who is removed is gone from the log database, and stays gone whatever still comes in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from ingest.keeping.retention import forget_old
from ingest.mending.erasures import Person, Traces, erase, traces_of
from ingest.writing.writer import Writer
from schema.runtime.asyncio_door import aio
from tests.integration.ingest.events import LOG, batch, event, fetch
from tests.integration.ingest.test_retention import Kept, submitted
from tests.integration.ingest.test_suppressing import said, standing

PSID = "7001234567890123"


def execute(url: str, *statements: str) -> None:
    """Run these, with the person's id for PSID."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.replace("PSID", PSID).encode())


async def erased(url: str, person: Person, *, until: datetime | None = None, keep: str | None = None) -> Traces:
    async def erasing() -> Traces:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            found = await traces_of(connection, person)
            done = await erase(connection, person, keep_denied_by=keep, who="ann@desk", until=until)
            assert done == found
            return done

    made: Traces = await aio(erasing)
    return made


async def forget_again(url: str) -> dict[str, int]:
    async def forgetting() -> dict[str, int]:
        async with await AsyncConnection.connect(url, autocommit=True) as connection:
            return await forget_old(connection, Kept())

    made: dict[str, int] = await aio(forgetting)
    return made


def of_page(page_id: str, **more: Any) -> bytes:
    return said(int(PSID), page_id=page_id, **more)


async def test_somebody_is_removed_everywhere_and_others_stay(writer: Writer, log_database_url: str) -> None:
    neighbour = event(int(PSID) + 1)
    bad = [PSID.encode() + b" x", b'{"recipient": "' + PSID.encode() + b'0"}', b'{"psid": ' + PSID.encode() + b"}"]
    await aio(writer.write, LOG, batch(0, 0, [of_page("7"), neighbour, *bad]))
    execute(
        log_database_url,
        *submitted("r", 2, "active", 0),
        "INSERT INTO submitted_recipients VALUES ('r', 'PSID')",
        "INSERT INTO suppressions VALUES ('7', 'PSID', 'denied', now(), NULL, 'ann')",
        "INSERT INTO audit (who, what, target, detail) VALUES ('ann', 'run test', 'r', 'to PSID, filled in')",
    )
    done = await erased(log_database_url, Person(PSID))
    assert done == Traces(log_rows=1, submitted_recipients=1, dead_letters=2, suppressions=2, audit_entries=1)
    assert fetch(log_database_url, "SELECT recipient_id FROM message_logs") == [(str(int(PSID) + 1),)]
    assert fetch(log_database_url, 'SELECT "offset" FROM message_log_dead_letters') == [(3,)]
    assert fetch(log_database_url, "SELECT count(*) FROM submitted_recipients") == [(2,)]
    trail = fetch(log_database_url, "SELECT what, detail FROM audit ORDER BY id")
    assert trail[0] == ("run test", "to (erased), filled in")
    assert trail[1][0] == "person erase"
    assert PSID not in trail[1][1]
    assert Person(PSID).pseudonym in trail[1][1]


async def test_a_page_loses_only_its_own_and_keeps_its_denial_when_asked(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [of_page("7", gone=False), of_page("8", gone=False, attempt=2)]))
    execute(log_database_url, "INSERT INTO suppressions VALUES ('8', 'PSID', 'denied', now(), NULL, 'ann', 'Bob')")
    assert (await erased(log_database_url, Person(PSID, "7"))).log_rows == 1
    assert fetch(log_database_url, "SELECT page_id FROM message_logs") == [("8",)]
    assert (await erased(log_database_url, Person(PSID, "8"), keep="ann@desk")).suppressions == 1
    kept = fetch(log_database_url, "SELECT page_id, recipient_id, reason, note FROM suppressions")
    assert kept == [("8", PSID, "denied", None)]


async def test_what_comes_in_of_them_later_is_removed_until_the_topic_has_forgotten(
    writer: Writer, log_database_url: str
) -> None:
    now = datetime.now(UTC)
    await erased(log_database_url, Person(PSID), until=now + timedelta(hours=1))
    neighbour = event(int(PSID) + 1)
    await aio(writer.write, LOG, batch(0, 0, [of_page("7"), neighbour, b"? " + PSID.encode()]))
    execute(log_database_url, "INSERT INTO audit (who, what, target, detail) VALUES ('a', 'b', 'c', 'PSID')")
    assert standing(log_database_url) != []
    assert await forget_again(log_database_url) == {"erased_again": 3}
    assert fetch(log_database_url, "SELECT recipient_id FROM message_logs") == [(str(int(PSID) + 1),)]
    assert fetch(log_database_url, "SELECT count(*) FROM message_log_dead_letters") == [(0,)]
    assert standing(log_database_url) == []
    assert fetch(log_database_url, "SELECT count(*) FROM audit WHERE detail LIKE '%7001%'") == [(0,)]
    execute(log_database_url, "UPDATE erasures SET until = now() - interval '1 s'")
    assert await forget_again(log_database_url) == {}
    assert fetch(log_database_url, "SELECT count(*) FROM erasures") == [(0,)]


async def test_a_short_id_takes_nothing_of_others(writer: Writer, log_database_url: str) -> None:
    await aio(writer.write, LOG, batch(0, 0, [event(1), event(11), b'{"attempt": 1}', b'{"recipient": "1"}']))
    execute(log_database_url, "INSERT INTO audit (who, what, target, detail) VALUES ('a', 'b', 'c', 'limit 1')")
    done = await erased(log_database_url, Person("1"))
    assert (done.log_rows, done.dead_letters, done.audit_entries) == (1, 1, 0)
    assert fetch(log_database_url, 'SELECT "offset" FROM message_log_dead_letters') == [(2,)]


@pytest.mark.parametrize("id_", ["%", "'; DROP TABLE runs; --", "é\u202e", "\\", '"', "1_1"])
async def test_whatever_an_id_is_only_that_one_goes(writer: Writer, log_database_url: str, id_: str) -> None:
    somebody = said(1, recipient_id=id_, gone=False)
    await aio(writer.write, LOG, batch(0, 0, [somebody, event(1), event(2)]))
    assert (await erased(log_database_url, Person(id_))).log_rows == 1
    assert fetch(log_database_url, "SELECT count(*) FROM message_logs") == [(2,)]
    assert await forget_again(log_database_url) == {}
