"""`newar person erase`: nothing more goes out to somebody, and what there was of them goes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from ingest.mending.erasures import Person
from ops.commands.log import database
from ops.shell.service import run_once
from schema.job import Job, encode_record, job_id, person_hash
from schema.keys import key
from schema.runtime.asyncio_door import aio
from schema.runtime.redis import open_redis
from sender.queue.run_queue import RunQueue
from tests.integration.commands.log.letters import acts
from tests.integration.commands.servers import sql
from tests.integration.queue.jobs import run_of
from tests.unit.command_line import CommandLine

PSID = "7001234567890123"


@pytest.fixture
def queue(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def waiting(redis_url: str) -> None:
    """A job for this person and one for another wait on pages 7 and 8."""

    async def filling() -> None:
        client = open_redis(redis_url)
        runs = RunQueue(client)
        for page in ("7", "8"):
            run = run_of(f"run-{page}", page)
            await runs.create_run(run)
            records = [encode_record(job_id(run.run_id, p), Job(p)) for p in ("1", PSID)]
            await runs.enqueue_chunk(run.run_id, cursor="", next_cursor=PSID, records=records, last=True)
        await aio(client.aclose)

    run_once(filling)


def stored(url: str) -> list[int]:
    """Return how many rows of each kind name the person."""
    tables = ("submitted_recipients", "suppressions", "erasures")
    counts = [sql(url, f"SELECT count(*) FROM {t} WHERE recipient_id = %s", PSID) for t in tables]  # noqa: S608
    return [count for [(count,)] in counts]


@pytest.fixture
def somebody(desk: CommandLine, log_database_url: str) -> None:
    """Has a place in a submitted run and on a deny list."""
    sql(log_database_url, "INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('r', '7', '{}')")
    sql(log_database_url, "INSERT INTO submitted_recipients VALUES ('r', %s), ('r', '1')", PSID)
    sql(log_database_url, "INSERT INTO suppressions VALUES ('7', %s, 'denied', now(), NULL, 'ann')", PSID)


@pytest.mark.usefixtures("waiting", "somebody")
def test_jobs_that_wait_do_not_go_out_and_no_trail_names_them(
    desk: CommandLine, queue: redis.Redis, log_database_url: str
) -> None:
    queue.xadd(key("failures"), {"v": json.dumps({"recipient_id": PSID})})
    done = json.loads(desk("person", "erase", PSID, "--yes", "--json").stdout)
    assert (done["pages_denied"], done["submitted_recipients"], done["suppressions"]) == (2, 1, 1)
    assert stored(log_database_url) == [0, 0, 1]
    for page in ("7", "8"):
        assert queue.zrange(key(f"denied:{page}"), 0, -1) == [person_hash(PSID)]
    entries: Any = queue.xrange(key("audit"))
    assert [(e[b"what"], e[b"detail"]) for _, e in entries] == [
        (b"person erase", f"person #{Person(PSID).pseudonym}".encode())
    ] * 2
    assert queue.xlen(key("failures")) == 0
    [(what, detail)] = acts(log_database_url)
    assert (what, PSID in detail) == ("person erase", False)
    assert desk("person", "erase", PSID, "--yes").exit_code == 0


@pytest.mark.usefixtures("waiting", "somebody")
def test_one_page_alone_can_be_meant_and_the_id_stay_denied_there(
    desk: CommandLine, queue: redis.Redis, log_database_url: str
) -> None:
    queue.xadd(key("failures"), {"v": json.dumps({"recipient_id": "1"})})
    text = desk("person", "erase", PSID, "--page", "7", "--keep-denied", "--yes").stdout
    assert "stays on the page's deny list" in text
    assert stored(log_database_url) == [0, 1, 1]
    assert queue.exists(key("denied:8")) == 0
    assert queue.xlen(key("failures")) == 1


@pytest.mark.usefixtures("waiting", "somebody")
def test_it_is_asked_twice_and_a_dry_run_changes_nothing(
    desk: CommandLine, queue: redis.Redis, log_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(log_database_url)
    dry = json.loads(desk("person", "erase", PSID, "--dry-run", "--json").stdout)
    assert (dry["submitted_recipients"], dry["suppressions"]) == (1, 1)
    assert desk("person", "erase", PSID).exit_code == 2  # nobody to be asked
    monkeypatch.setattr(database, "is_terminal", lambda _stream: True)
    for answers in ("n\n", "y\n7001\n", "y\n"):
        assert desk("person", "erase", PSID, stdin=answers).exit_code == 1
    assert (stored(log_database_url), queue.keys(key("denied:*")), acts(log_database_url)) == (before, [], [])
    assert desk("person", "erase", PSID, stdin=f"y\n{PSID}\n").exit_code == 0
    assert stored(log_database_url) == [0, 0, 1]


@pytest.mark.usefixtures("somebody")
def test_nothing_is_erased_while_the_queue_cannot_be_told(desk: CommandLine, log_database_url: str) -> None:
    before = stored(log_database_url)
    desk.set(REDIS_URL="redis://127.0.0.1:1/0")
    failed = desk("person", "erase", PSID, "--yes")
    assert (failed.exit_code, "Nothing is erased" in failed.stderr) == (1, True)
    assert stored(log_database_url) == before


@pytest.mark.parametrize("words", [[""], [" "], ["a\0"], ["1" * 501], [PSID, "--page", ""], [PSID, "--keep-denied"]])
def test_what_is_no_id_is_said(desk: CommandLine, words: list[str]) -> None:
    assert desk("person", "erase", *words, "--yes").exit_code == 2
