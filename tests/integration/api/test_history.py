"""What was sent over time: seconds of all senders, and minutes and hours that equal the log's rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from redis import Redis

from ingest.keeping.fold import fold_minutes
from ingest.writing.writer import Writer
from ops.board.graphs.graph_question import graph_question
from ops.board.graphs.log_figures import statement
from schema.keys import key
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.asyncio_door import aio
from schema.seconds import BUSIEST, Seconds, commands
from schema.snapshot import IngestSnapshot, ProcessSnapshot
from tests.integration.api.serving import Api
from tests.integration.ingest.events import LOG, batch, event, fetch
from tests.unit.api.contents import now_ms, write_run

PATH = "/api/v1/history"


async def ask(client: Any, **params: str) -> Any:
    response = await client.get(PATH, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def known(column: list[int | None]) -> list[int]:
    return [value for value in column if value is not None]


class Sender:
    """One that counts some seconds ago."""

    def __init__(self, redis: Redis, ago_s: int) -> None:
        self.redis = redis
        self.at_s = int(redis.time()[0]) - ago_s
        self.seconds = Seconds(lambda: self.at_s * 1_000_000)

    def settles(
        self, count: int, run: str = "r", page: str = "7", outcome: str = "sent", error_class: str = ""
    ) -> None:
        for _ in range(count):
            self.seconds.count(run, page, outcome, error_class, 40.0)

    def tells(self) -> None:
        self.at_s += 1
        untold = self.seconds.untold()
        for command in [one for second in untold for one in commands(second)]:
            self.redis.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py


async def test_seconds_of_two_senders_add_up_and_a_repeated_one_counts_once(
    redis: Redis, api: Callable[..., Api]
) -> None:
    for run, page in (("r", "7"), ("s", "8")):
        write_run(redis, run, page=page)
    one, two = Sender(redis, 20), Sender(redis, 20)
    one.settles(3)
    one.settles(2, outcome="failed", error_class="bad_payload")
    two.settles(4)
    two.settles(5, run="s", page="8")
    for sender in (one, two, one):  # the first does not know that it was told already
        sender.tells()
    async with api() as client:
        found = await ask(client, step="second")
        assert [sum(known(found["series"][name])) for name in ("sent", "failed", "expired")] == [12, 2, 0]
        assert found["at"][found["series"]["sent"].index(12)] == one.at_s - 2
        for subject, sent in (({"page": "7"}, 7), ({"run": "s"}, 5), ({"page": "9"}, 0)):
            series = (await ask(client, step="second", **subject))["series"]
            assert sum(known(series["sent"])) == sent, subject
        failures = (await ask(client, step="second", metric="failures", run="r"))["series"]
        assert {name: sum(known(column)) for name, column in failures.items()} == {"bad_payload": 2}
        latencies = (await ask(client, step="second", metric="latency"))["series"]
        assert known(latencies["p99"]) == [pytest.approx(40, rel=0.2)]


async def test_of_a_page_that_a_sender_did_not_name_nothing_is_known(redis: Redis, api: Callable[..., Api]) -> None:
    sender = Sender(redis, 20)
    for number in range(BUSIEST + 1):
        sender.settles(1 + (number > 0), page=str(number))
    sender.tells()
    async with api() as client:
        for page, column in (("0", []), ("1", [2])):
            assert known((await ask(client, step="second", page=page))["series"]["sent"]) == column
        assert known((await ask(client, step="second"))["series"]["sent"]) == [2 * BUSIEST + 1]


async def test_after_redis_was_emptied_the_seconds_are_unknown_and_not_zero(
    redis: Redis, api: Callable[..., Api]
) -> None:
    sender = Sender(redis, 20)
    sender.settles(3)
    sender.tells()
    redis.flushdb()
    async with api() as client:
        found = await ask(client, step="second")
    assert set(found["series"]["sent"]) == {None}
    assert len(found["at"]) == 900


CASES = [
    (Outcome.SENT, None), (Outcome.SENT, None), (Outcome.FAILED, ErrorClass.BAD_PAYLOAD),
    (Outcome.RETRYING, ErrorClass.TRANSIENT), (Outcome.SUPPRESSED, ErrorClass.RECIPIENT_GONE),
]  # fmt: skip


@pytest.fixture
async def written(asyncio_loop: Any, log_database_url: str) -> str:
    """A log of some hours, in two partitions, of which some is corrected, repeated and folded."""
    writer = Writer(log_database_url, keep_days=7)
    await aio(writer.begin, LOG, {0: 0, 1: 0})
    now = datetime.now(UTC)
    for partition in (0, 1):
        values = []
        for n in range(200):
            outcome, error_class = CASES[n % len(CASES)]
            values.append(event(n, now - timedelta(minutes=2 + 15 * n), event_id=UUID(int=1000 * partition + n),
                                page_id=str(1 + n % 3), run_id=f"run-{1 + n % 3}", outcome=outcome,
                                error_class=error_class))  # fmt: skip
        await aio(writer.write, LOG, batch(partition, 0, values))
        mended = [event(3, now - timedelta(minutes=47), event_id=UUID(int=1000 * partition + 3), page_id="1",
                        run_id="run-1")]  # fmt: skip
        await aio(writer.write, LOG, batch(partition, 200, [*mended, values[0]]))
    await aio(writer.close)

    async def fold() -> None:
        async with await psycopg.AsyncConnection.connect(log_database_url, autocommit=True) as connection:
            taken = "INSERT INTO runs (run_id, page_id, source, state) VALUES ('run-1', '1', 'source', 'active')"
            await connection.execute(taken)
            await fold_minutes(connection)

    await aio(fold)
    return log_database_url


def ingest_says(redis: Redis, read_until: datetime) -> None:
    ingest = IngestSnapshot(partitions=[0, 1], read_until_ms=int(read_until.timestamp() * 1000))
    snapshot = ProcessSnapshot(
        process_id="i", service="ingest", host="h", pid=1, started_at_ms=0, at_ms=now_ms(), ingest=ingest
    )
    redis.hset(key("processes"), "i", msgspec.json.encode(snapshot))


SUBJECTS = [({}, "true"), ({"page": "2"}, "page_id = '2'"), ({"run": "run-1"}, "run_id = 'run-1'")]


@pytest.mark.parametrize(("subject", "which"), SUBJECTS, ids=["all", "page", "run"])
@pytest.mark.parametrize("step", ["minute", "hour"])
async def test_minutes_and_hours_equal_the_rows(
    redis: Redis, api: Callable[..., Api], written: str, subject: dict[str, str], which: str, step: str
) -> None:
    ingest_says(redis, datetime.now(UTC))
    async with api(log_database_url=written) as client:
        messages = await ask(client, step=step, **subject)
        failures = (await ask(client, step=step, metric="failures", **subject))["series"]
        retries = (await ask(client, step=step, metric="retries", **subject))["series"]
        latency = (await ask(client, step=step, metric="latency", **subject))["series"]
    rows = fetch(written, f"SELECT sent_at, outcome, error_class FROM message_logs WHERE {which}")  # noqa: S608
    places = {at: n for n, at in enumerate(messages["at"])}
    sent = messages["series"]["sent"]
    seen = [(places[begun], *rest) for at, *rest in rows
            if (begun := int(at.timestamp()) // messages["step_s"] * messages["step_s"]) in places
            and sent[places[begun]] is not None]  # fmt: skip
    assert len(seen) > 50
    for outcome, column in messages["series"].items():
        counted = [None if column[n] is None else 0 for n in range(len(column))]
        for place, found, _class in seen:
            counted[place] += found == outcome
        assert column == counted
    for outcome, series in (("failed", failures), ("retrying", retries)):
        name = "bad_payload" if outcome == "failed" else "transient"
        assert sum(known(series[name])) == sum(found == outcome for _, found, _ in seen)
    with_rows = {place for place, *_ in seen}
    assert {n for n, p50 in enumerate(latency["p50"]) if p50 is not None} == with_rows


async def test_what_is_not_read_yet_is_unknown(redis: Redis, api: Callable[..., Api], written: str) -> None:
    behind = datetime.now(UTC) - timedelta(minutes=10)
    ingest_says(redis, behind)
    async with api(log_database_url=written) as client:
        found = await ask(client)
        until = datetime.fromisoformat(found["complete_until"])
        assert until <= behind
        tail = [
            sent for at, sent in zip(found["at"], found["series"]["sent"], strict=True) if at + 60 > until.timestamp()
        ]
        assert len(tail) >= 10
        assert set(tail) == {None}
        assert found["series"]["sent"][-len(tail) - 1] is not None
        redis.xadd(key("outbox:s"), {"v": "x"}, id=f"{now_ms() - 3_600_000}-0")
        redis.sadd(key("outboxes"), "s")
    ingest_says(redis, datetime.now(UTC))
    async with api(log_database_url=written) as client:
        until = datetime.fromisoformat((await ask(client))["complete_until"])
        assert until < datetime.now(UTC) - timedelta(minutes=59)


async def test_without_redis_the_log_is_known_up_to_its_newest_minute(
    api: Callable[..., Api], written: str, closed_port: int
) -> None:
    async with api(log_database_url=written, redis_url=f"redis://127.0.0.1:{closed_port}") as client:
        found = await ask(client, run="run-1")
        [(newest,)] = fetch(written, "SELECT date_trunc('minute', max(sent_at)) FROM message_logs")
        assert datetime.fromisoformat(found["complete_until"]) == newest
        assert (await client.get(PATH, params={"step": "second"})).status_code == 503


async def test_without_a_log_database_minutes_are_unknown(api: Callable[..., Api], redis: Redis) -> None:
    async with api() as client:
        found = await ask(client)
    assert (found["log"], found["complete_until"], set(found["series"]["sent"])) == ("not_configured", None, {None})


@pytest.mark.parametrize(("asked", "status"), [
    ({"run": "nobody"}, 404), ({"metric": "x"}, 400), ({"page": "1", "run": "r"}, 400), ({"steps": "hour"}, 400),
    ({"step": "second", "from": "2026-01-01T00:00:00Z"}, 400),
])  # fmt: skip
async def test_other_questions_are_refused(
    api: Callable[..., Api], redis: Redis, log_database_url: str, asked: dict[str, str], status: int
) -> None:
    async with api(log_database_url=log_database_url) as client:
        response = await client.get(PATH, params=asked)
        assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")


@pytest.mark.parametrize("given", [{"page": "1"}, {"run": "run-1"}, {}])
@pytest.mark.parametrize("metric", ["messages", "latency"])
def test_an_index_answers(log_database_url: str, given: dict[str, str], metric: str) -> None:
    text, params = statement(graph_question({"metric": metric, "step": "hour", **given}, now_ms() / 1000),
                             "1" if given else None)  # fmt: skip
    with psycopg.connect(log_database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {text}".encode(), params))
    [condition] = [line for line in plan.splitlines() if "Index Cond" in line]
    assert "step_s" in condition
    assert " at >=" in condition or "(at >=" in condition
    assert not given or "page_id" in condition
