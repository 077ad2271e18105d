"""What people did comes into the log database, once, whoever carries it and whenever that is back."""

from __future__ import annotations

import pytest
import trio

from sender.queue.app_queue import AppQueue
from sender.queue.audit_stream import AuditEntry, AuditStream
from sender.runs.audit_carrier import AuditCarrier
from sender.runs.databases.errors import DatabaseAway
from tests.integration.runs.world import World

ACTS = "SELECT what FROM audit ORDER BY at, id"


async def some_acts(world: World, count: int = 3) -> None:
    app = AppQueue(world.client)
    for number in range(count):
        await (app.resume if number % 2 else app.pause)("ana")


def carrier(world: World, *, url: str | None = None, stream: AuditStream | None = None) -> AuditCarrier:
    streams = (stream or AuditStream(world.client), AuditStream(world.client, by_person=False))
    return AuditCarrier(world.database(url=url), streams, world.queue)


async def test_acts_become_rows_and_leave_redis(world: World) -> None:
    await some_acts(world)
    await carrier(world).carry()
    assert world.sql(ACTS) == ["pause --all", "resume --all", "pause --all"]
    assert world.sql("SELECT DISTINCT who, target, detail FROM audit") == [
        ("ana", "all pages", "0 messages with senders")
    ]
    assert world.sql("SELECT count(*) FROM audit WHERE queue_epoch = %s", await world.queue.epoch()) == [3]
    assert await AuditStream(world.client).waiting() == 0


async def test_more_than_fit_into_one_step_are_carried_in_their_order(world: World) -> None:
    await some_acts(world, 1203)
    await carrier(world).carry()
    assert world.sql(ACTS) == ["pause --all", "resume --all"] * 601 + ["pause --all"]


async def test_a_carrier_that_dies_before_it_trims_leaves_no_act_twice(world: World) -> None:
    class Dies(AuditStream):
        async def carried(self, _entry: AuditEntry) -> None:
            raise ConnectionError

    await some_acts(world)
    with pytest.raises(ConnectionError):
        await carrier(world, stream=Dies(world.client)).carry()
    assert await AuditStream(world.client).waiting() == 3
    await carrier(world).carry()
    assert len(world.sql(ACTS)) == 3
    assert await AuditStream(world.client).waiting() == 0


async def test_several_at_once_carry_each_act_once(world: World) -> None:
    await some_acts(world, 700)
    async with trio.open_nursery() as nursery:
        for one in [carrier(world) for _ in range(4)]:
            nursery.start_soon(one.carry)
    assert len(world.sql(ACTS)) == 700


async def test_acts_wait_while_the_log_database_is_away(world: World) -> None:
    await some_acts(world)
    with pytest.raises(DatabaseAway):
        await carrier(world, url="postgresql://nobody@127.0.0.1:1/nothing").carry()
    await some_acts(world)
    await carrier(world).carry()
    assert len(world.sql(ACTS)) == 5  # everything was paused already when it was paused for the second time


async def test_acts_of_an_emptied_redis_do_not_take_the_place_of_former_ones(world: World) -> None:
    await some_acts(world, 1)
    await carrier(world).carry()
    [stream_id] = world.sql("SELECT stream_id FROM audit")
    world.lose_redis()
    world.redis_command("XADD", "newar:{s0}:audit", stream_id, "who", "bob", "what", "run cancel")
    await carrier(world).carry()
    assert world.sql("SELECT who FROM audit ORDER BY who") == ["ana", "bob"]


async def test_acts_are_forgotten_after_their_retention(world: World) -> None:
    for days in (399, 401):
        world.sql("INSERT INTO audit VALUES (DEFAULT, now() - make_interval(days => %s), 'ana', 'x', 'y')", days)
    one = carrier(world)
    await one.carry()
    assert world.sql("SELECT round(extract(epoch FROM now() - at) / 86400)::int FROM audit") == [399]


async def test_what_no_person_did_is_carried_beside_and_known_as_that(world: World) -> None:
    for stream, what in (("audit", "run pause"), ("happenings", "page pause")):  # a person may have such a name
        fields = ("who", "rule x", "what", what, "at_ms", "1900000000000")
        world.redis_command("XADD", f"newar:{{s0}}:{stream}", "5-1", *fields)
    for _ in range(2):
        await carrier(world).carry()
    assert world.sql("SELECT what, by_person, stream_id FROM audit ORDER BY id") == [
        ("run pause", True, "5-1"),
        ("page pause", False, "h5-1"),
    ]
    assert await AuditStream(world.client, by_person=False).waiting() == 0


async def test_a_flood_of_what_no_person_did_leaves_only_the_newest_and_every_act(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sender.runs.audit_carrier.MOST_HAPPENINGS", 3)
    row = "(who, what, target, by_person, at) VALUES ('x', %s, 'y', %s, now() - make_interval(mins => %s))"
    for ago in range(6):
        for by_person in (True, False):
            world.sql(f"INSERT INTO audit {row}", str(ago), by_person, ago)
    await carrier(world).carry()
    assert world.sql("SELECT what FROM audit WHERE NOT by_person ORDER BY at DESC") == ["0", "1", "2", "3"]
    assert len(world.sql("SELECT 1 FROM audit WHERE by_person")) == 6
