"""One person: every run, what is still to come, and why nothing was sent. One job: where it is, and what would go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from redis import Redis

from ops.access.caller import Caller, Role
from schema.job import Aside, Job, encode_record, job_id
from schema.keys import key
from schema.run import Run
from tests.integration.api.serving import Api
from tests.integration.runs.by_hand.world import make_partitions
from tests.unit.api.contents import now_ms, write_run, write_session

SAMPLES = Path(__file__).parents[3] / "schema" / "source"
PSID = "6254400000000001"
HOSTILE = "<script>alert(1)</script>\u202egnp"
HOUR_MS = 3_600_000


class World:
    """A log database that is the source too, and a queue, written by hand."""

    def __init__(self, url: str, connection: psycopg.Connection[Any], redis: Redis) -> None:
        self.url = url
        self._connection = connection
        self._redis = redis
        for file in ("tables.sql", "views.sql"):
            connection.execute((SAMPLES / file).read_bytes())
        self.sql("INSERT INTO pages VALUES ('100', 'A page', 'secret-token'), ('200', 'Other', 't')")
        self.sql("INSERT INTO subscribers VALUES ('100', %s, 'Ann', now() - interval '1 hour')", PSID)
        redis.hset(key("page:100"), "name", "A page")

    def sql(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(query.encode(), params)
        return cursor.fetchall() if cursor.description else []

    def broadcast(
        self, *psids: str, page: str = "100", state: str = "active", message: str = "Hi {{first_name}}"
    ) -> str:
        """Add a run of the source that is registered with this state."""
        ((run_id,),) = self.sql(
            "INSERT INTO broadcasts (page_id, message, status)"
            " VALUES (%s, jsonb_build_object('text', %s::text), 'queued') RETURNING id::text",
            *(page, message),
        )
        for psid in psids:
            self.sql("INSERT INTO broadcast_recipients VALUES (%s, %s, %s)", run_id, page, psid)
        self.register(run_id, page, state)
        return str(run_id)

    def register(self, run_id: str, page: str = "100", state: str = "active", source: str = "source") -> None:
        self.sql(
            "INSERT INTO runs (run_id, page_id, source, state) VALUES (%s, %s, %s, %s)", run_id, page, source, state
        )

    def queued(self, run_id: str, page: str = "100", text: str = "Hi {{first_name}}", **fields: Any) -> None:
        """Let the queue know the run."""
        run = Run(run_id=run_id, page_id=page, message={"text": text}, expires_at_ms=now_ms() + 24 * HOUR_MS)
        spec = msgspec.json.encode(run)
        write_run(self._redis, run_id, page=page, left=1, spec=spec, enqueued=1, cursor="zzz", **fields)

    def logged(
        self, run_id: str, outcome: str, *, page: str = "100", attempt: int = 1, ago: str = "1 min", **row: Any
    ) -> None:
        columns = {"error_class": None, "error_message": None, **row}
        self.sql(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, error_class,"
            " error_message, sender_id, sent_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 's', now() - %s::interval)",
            *(uuid4(), run_id, page, PSID, attempt, outcome, columns["error_class"], columns["error_message"], ago),
        )


@pytest.fixture
def world(log_database_url: str, redis: Redis) -> Iterator[World]:
    asyncio.run(make_partitions(log_database_url))
    with psycopg.connect(log_database_url, autocommit=True) as connection:
        yield World(log_database_url, connection, redis)


@pytest.fixture
def asked(api: Callable[..., Api], world: World) -> Callable[[], Api]:
    return lambda: api(log_database_url=world.url, source_database_url=world.url)


def record(run_id: str, **fields: Any) -> bytes:
    return encode_record(job_id(run_id, PSID), Job(PSID, **fields))


async def test_a_person_in_many_runs_has_all_of_them_and_what_is_still_to_come(
    asked: Callable[[], Api], world: World, redis: Redis
) -> None:
    for n in range(130):
        world.logged(f"old {n}", "sent", ago=f"{100 + n} min")
    world.logged("failed", "failed", error_class="recipient_permanent", error_message=HOSTILE)
    retried, ahead, others = world.broadcast(PSID), world.broadcast(PSID), world.broadcast("1")
    world.logged(retried, "retrying", error_class="transient")
    due_ms = now_ms() + HOUR_MS
    for run_id in (retried, ahead, others):
        world.queued(run_id)
    redis.zadd(key("delayed"), {retried.encode() + b"\0" + record(retried, attempts=1, retries=1): due_ms})
    redis.zadd(key("delayed"), {f"noise {n}\0{n:016}x": due_ms + n - 2500 for n in range(5000)})
    async with asked() as client:
        answer = (await client.get(f"/api/v1/people/{PSID}")).json()
    runs = {run["run_id"]: run for run in answer["runs"]}
    assert len(runs) == 133
    assert others not in runs
    assert list(runs)[:1] == [ahead]
    assert {run["outcome"] for run_id, run in runs.items() if run_id.startswith("old")} == {"sent"}
    assert (runs[ahead]["place"], runs[ahead]["outcome"], runs[ahead]["page_name"]) == ("waiting", None, "A page")
    assert (runs[retried]["place"], runs[retried]["outcome"]) == ("delayed", "retrying")
    assert runs[retried]["next_retry_at"] is not None
    assert (runs["failed"]["place"], runs["failed"]["told"]) == ("ended", HOSTILE)
    assert [(r["cause"], r["run_id"], r["detail"]) for r in answer["because"]] == [
        ("recipient_permanent", "failed", HOSTILE)
    ]
    assert (answer["log"], answer["source"], answer["queue"]) == ("ok", "ok", "ok")
    assert (answer["runs_looked_into"], answer["runs_not_looked_into"], answer["next"]) == (2, 0, None)


@pytest.mark.parametrize("what", ["scheduled", "lost"])
async def test_a_run_that_no_queue_has_is_told_of_too(asked: Callable[[], Api], world: World, what: str) -> None:
    if what == "lost":
        run_id = world.broadcast(PSID, state="queue_lost")
    else:
        run_id = "soon"
        world.sql(
            "INSERT INTO submitted_runs (run_id, page_id, message, scheduled_at)"
            """ VALUES ('soon', '100', '{"text": "Hi"}', now() + interval '1 hour')"""
        )
        world.sql("INSERT INTO submitted_recipients (run_id, recipient_id) VALUES ('soon', %s)", PSID)
    async with asked() as client:
        person = (await client.get(f"/api/v1/people/{PSID}")).json()
        job = (await client.get(f"/api/v1/jobs/{run_id}/{PSID}")).json()
    assert ([run["run_id"] for run in person["runs"]], person["because"]) == ([run_id], [])
    assert "unknown" not in {reason["cause"] for reason in job["would_not_go"]}
    assert job["payload"]["recipient"] == {"id": PSID}


async def test_why_nothing_was_sent_is_told(asked: Callable[[], Api], world: World) -> None:
    world.sql("INSERT INTO suppressions VALUES ('100', %s, 'denied', now(), NULL, 'ana@desk', 'asked us')", PSID)
    world.queued(world.broadcast("1"))
    async with asked() as client:
        told = (await client.get(f"/api/v1/people/{PSID}")).json()
        nobody = (await client.get("/api/v1/people/nobody")).json()
    assert [(r["cause"], r["detail"]) for r in told["because"]] == [
        ("recipient_denied", "on the page's deny list, by ana@desk: asked us"),
        (
            "not_in_any_run",
            "no attempt is in the log, and none of the runs in the queue has this person;"
            " runs that are due later are not looked into",
        ),
    ]
    assert [entry["page_id"] for entry in told["suppressions"]] == ["100"]
    assert (nobody["runs"], [r["cause"] for r in nobody["because"]]) == ([], ["not_in_any_run"])


async def test_older_attempts_follow(asked: Callable[[], Api], world: World) -> None:
    for n in range(210):
        world.logged(f"r{n}", "sent", ago=f"{n} min")
    async with asked() as client:
        first = (await client.get(f"/api/v1/people/{PSID}")).json()
        second = (await client.get(f"/api/v1/people/{PSID}", params={"after": first["next"]})).json()
        assert [row["run_id"] for row in first["attempts"] + second["attempts"]] == [f"r{n}" for n in range(210)]
        assert second["next"] is None
        assert (await client.get(f"/api/v1/people/{PSID}", params={"after": "x"})).status_code == 400
        assert (await client.get(f"/api/v1/people/{'9' * 501}")).status_code == 400
        assert (await client.get("/api/v1/people/a%00b")).status_code == 400


async def test_a_job_is_found_where_it_is(asked: Callable[[], Api], world: World, redis: Redis) -> None:
    runs = {place: world.broadcast(PSID) for place in ("held", "marked", "delayed", "waiting", "not_yet", "ended")}
    for place, run_id in runs.items():
        world.queued(run_id)
        if place == "not_yet":
            redis.hset(key(f"run:{run_id}"), mapping={"enqueued": 0, "cursor": "5"})
    write_session(redis, "session-1")
    for place in ("held", "marked"):
        job = job_id(runs[place], PSID)
        redis.hset(key("held:session-1"), job, runs[place].encode() + b"\0" + record(runs[place], attempts=2))
        if place == "marked":
            redis.hset(key("marks:session-1"), job, f"3\0{now_ms() * 1000}")
    redis.zadd(
        key("delayed"), {runs["delayed"].encode() + b"\0" + record(runs["delayed"], attempts=1): now_ms() + 9000}
    )
    world.logged(runs["ended"], "sent")
    async with asked() as client:
        found = {p: (await client.get(f"/api/v1/jobs/{run_id}/{PSID}")).json() for p, run_id in runs.items()}
    assert {place: job["place"] for place, job in found.items()} == {place: place for place in runs}
    assert (found["held"]["held_by"], found["held"]["marks"], found["held"]["marked_at"]) == ("session-1", 2, None)
    assert found["held"]["lease_until"] is not None
    assert found["marked"]["marked_at"] is not None
    assert found["delayed"]["next_retry_at"] is not None
    assert [row["outcome"] for row in found["ended"]["attempts"]] == ["sent"]
    assert found["waiting"]["filled_from"] == "source"


async def test_what_will_not_be_sent_waits_to_be_drained(asked: Callable[[], Api], world: World, redis: Redis) -> None:
    cancelled, aside, well = (world.broadcast(PSID, message=m) for m in ("Hi", "Hi {{city}}", "Hi"))
    for run_id, state in ((cancelled, "cancelled"), (aside, "active"), (well, "active")):
        world.queued(run_id, text="Hi {{city}}" if run_id == aside else "Hi", state=state)
        redis.rpush(key(f"aside:{run_id}"), b"somebody")
    async with asked() as client:
        places = [(await client.get(f"/api/v1/jobs/{run}/{PSID}")).json()["place"] for run in (cancelled, aside, well)]
        redis.delete(key(f"aside:{aside}"))
        taken = (await client.get(f"/api/v1/jobs/{aside}/{PSID}")).json()["place"]
    assert (places, taken) == (["drain", "drain", "waiting"], "waiting")


async def test_the_payload_is_what_would_go_now_without_the_token(
    asked: Callable[[], Api], world: World, redis: Redis
) -> None:
    run_id = world.broadcast(PSID)
    world.logged(run_id, "retrying", attempt=4, error_class="transient")
    async with asked() as client:
        path = f"/api/v1/jobs/{run_id}/{PSID}"
        from_source = (await client.get(path)).json()
        world.queued(run_id, text="Queued {{first_name}}")
        held = record(run_id, variables={"first_name": HOSTILE}, attempts=4, last_interaction_ms=now_ms())
        redis.zadd(key("delayed"), {run_id.encode() + b"\0" + held: now_ms() + 9000})
        from_queue = (await client.get(path)).json()
    body = from_source["payload"]
    assert (body["recipient"], body["message"]["text"], body["messaging_type"]) == ({"id": PSID}, "Hi Ann", "UPDATE")
    assert body["message"]["metadata"] == f"j={job_id(run_id, PSID).hex()};a=5"
    assert (from_source["filled_from"], from_source["would_not_go"]) == ("source", [])
    assert from_queue["payload"]["message"]["text"] == f"Queued {HOSTILE}"
    assert (from_queue["filled_from"], from_queue["page_name"]) == ("queue", "A page")
    assert "secret-token" not in f"{from_source}{from_queue}"


async def test_why_a_job_would_not_go_is_told(asked: Callable[[], Api], world: World, redis: Redis) -> None:
    run_id = world.broadcast(PSID, message="Hi {{city}}")
    async with asked() as client:
        path = f"/api/v1/jobs/{run_id}/{PSID}"
        job = (await client.get(path)).json()
        assert (job["payload"], [r["cause"] for r in job["would_not_go"]]) == (None, ["missing_variable"])
        world.sql("UPDATE subscribers SET last_interaction_at = now() - interval '2 days'")
        world.sql("INSERT INTO suppressions VALUES ('100', %s, 'denied', now(), NULL, 'ana')", PSID)
        assert "recipient_denied" in [r["cause"] for r in (await client.get(path)).json()["would_not_go"]]
        world.sql("UPDATE suppressions SET lifted_at = now() + interval '1 day'")
        assert "recipient_window" in [r["cause"] for r in (await client.get(path)).json()["would_not_go"]]
        world.queued(run_id, text="Hi")
        aside = Aside("suppressed", "recipient_gone", "Meta said so")
        redis.zadd(key("delayed"), {run_id.encode() + b"\0" + record(run_id, aside=aside): now_ms() + 9000})
        assert "recipient_gone" in [r["cause"] for r in (await client.get(path)).json()["would_not_go"]]
        for unknown in (f"/api/v1/jobs/{run_id}/nobody", f"/api/v1/jobs/no/such/run/{PSID}"):
            assert (await client.get(unknown)).status_code == 404, unknown


async def test_a_retry_has_the_recipients_of_its_root(asked: Callable[[], Api], world: World) -> None:
    root = world.broadcast(PSID, state="finished")
    world.register("retry/1", source="submitted")
    world.sql(
        "INSERT INTO submitted_selections VALUES ('retry/1', %s, %s, 'source', '{}', '{}', '{}', now())", root, root
    )
    world.sql(
        "INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('retry/1', '100', '{\"text\": \"Again\"}')"
    )
    world.queued("retry/1", text="Again {{first_name}}")
    async with asked() as client:
        person = (await client.get(f"/api/v1/people/{PSID}")).json()
        job = (await client.get(f"/api/v1/jobs/retry/1/{PSID}")).json()
    assert [run["run_id"] for run in person["runs"]] == ["retry/1"]
    assert job["payload"]["message"]["text"] == "Again Ann"


async def test_what_cannot_be_asked_is_said_and_never_taken_for_nothing(
    api: Callable[..., Api], world: World, redis: Redis, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.broadcast(PSID)
    world.queued(run_id)
    world.logged(run_id, "retrying")
    away = f"postgresql://x@127.0.0.1:{closed_port}/x"
    async with api(log_database_url=world.url, source_database_url=away) as client:
        world.queued(world.broadcast(PSID))
        person = (await client.get(f"/api/v1/people/{PSID}")).json()
        assert (person["source"], person["runs_not_looked_into"]) == ("down", 1)
        assert "source" in (await client.get(f"/api/v1/jobs/{run_id}/{PSID}")).json()["would_not_go"][0]["detail"]
        monkeypatch.setattr("sender.queue.job_search.MOST_DELAYED", 1)
        redis.zadd(key("delayed"), {"a\0b": 1, "c\0d": 2})
        job = (await client.get(f"/api/v1/jobs/{run_id}/{PSID}")).json()
        assert (job["place"], job["next_retry_at"]) == ("unknown", None)
    async with api() as client:
        assert (await client.get(f"/api/v1/people/{PSID}")).status_code == 404
    async with api(log_database_url=away) as client:
        assert (await client.get(f"/api/v1/people/{PSID}")).status_code == 503


async def test_nothing_is_said_of_pages_that_somebody_may_not_see(
    asked: Callable[[], Api], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, seen = world.broadcast(PSID), world.broadcast(PSID, page="200")
    world.queued(run_id)
    world.queued(seen, page="200")
    world.logged(run_id, "sent")
    world.sql("INSERT INTO suppressions VALUES ('100', %s, 'denied', now(), NULL, 'ana')", PSID)
    only = Caller(name="ben", role=Role.VIEWER, where="::1", pages=frozenset({"200"}))
    for routes in ("people_asked", "pages_asked"):
        monkeypatch.setattr(f"ops.api.rest.{routes}.caller", lambda: only)
    async with asked() as client:
        person = (await client.get(f"/api/v1/people/{PSID}")).json()
        assert [run["run_id"] for run in person["runs"]] == [seen]
        assert (person["attempts"], person["suppressions"]) == ([], [])
        assert run_id not in str(person)
        assert (await client.get(f"/api/v1/jobs/{run_id}/{PSID}")).status_code == 404
        assert (await client.get(f"/api/v1/jobs/{seen}/{PSID}")).status_code == 200
        pages = (await client.get("/api/v1/pages")).json()
        assert ([page["page_id"] for page in pages["pages"]], pages["total"]) == (["200"], 1)
        assert (await client.get("/api/v1/pages/100")).status_code == 404
