"""Who will surely not be sent to: put into the queue aside of the others, as the log database and the clocks say."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from schema.keys import key
from tests.integration.runs.world import NOON_MS, World

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


def suppress(
    world: World, recipient_id: str, reason: str = "recipient_gone", *, page_id: str = "100", run: str = ""
) -> None:
    """Add an entry of noon."""
    columns = "page_id, recipient_id, reason, since, run_id, by_whom"
    values = (page_id, recipient_id, reason, NOON, run or None)
    world.sql(f"INSERT INTO suppressions ({columns}) VALUES (%s, %s, %s, %s, %s, 'x')", *values)  # noqa: S608


def lift(world: World, recipient_id: str, minutes: int) -> None:
    moment = NOON + timedelta(minutes=minutes)
    world.sql("UPDATE suppressions SET lifted_at = %s WHERE recipient_id = %s", moment, recipient_id)


def brake(world: World, run_id: str, rule: str = "recipients-gone") -> None:
    world.redis_command("HSET", key(f"run:{run_id}"), "hold:brake", "1", "brake_rule", rule)


async def test_who_is_gone_or_denied_stands_aside_and_the_others_do_not(world: World) -> None:
    suppress(world, "1")
    suppress(world, "2", "denied")
    suppress(world, "3", page_id="200")
    suppress(world, "4")
    lift(world, "4", 1)
    suppress(world, "5")
    lift(world, "5", -1)
    run = world.run("1", "2", "3", "4", "5", "6")
    await world.turn()
    assert world.asides(run) == {"1": "recipient_gone", "2": "recipient_denied", "5": "recipient_gone"}
    assert world.recipients(run) == ["3", "4", "6"]
    facts = await world.facts(run)
    assert (facts.recipients, facts.left, facts.enqueued) == (6, 6, True)


async def test_who_has_written_since_gets_the_next_run(world: World) -> None:
    for recipient, minutes in (("1", -1), ("2", 1)):
        suppress(world, recipient)
        world.sql("INSERT INTO subscribers VALUES ('100', %s, 'Ann', %s)", recipient, NOON + timedelta(minutes=minutes))
    run = world.run("1", "2")
    await world.turn()
    assert (world.asides(run), world.recipients(run)) == ({"1": "recipient_gone"}, ["2"])


async def test_unusable_ids_and_missing_variables_stand_aside_in_every_chunk(world: World) -> None:
    run = world.run("1", "2", "two", "3", "4", message={"text": "Hi {{first_name}}"})
    for recipient in ("2", "4"):
        world.sql("INSERT INTO subscribers VALUES ('100', %s, 'Ann', now())", recipient)
    await world.turn(world.processor(chunk=2))
    assert world.asides(run) == {"1": "missing_variable", "3": "missing_variable", "two": "invalid_recipient"}
    assert world.recipients(run) == ["2", "4"]


async def test_whose_message_is_filled_in_badly_stands_aside_unless_the_rule_is_off(world: World) -> None:
    for recipient, name in (("1", "Ann"), ("2", "A name of 21 letters.")):
        world.sql("INSERT INTO subscribers VALUES ('100', %s, %s, now())", recipient, name)
    reply = {"content_type": "text", "title": "{{first_name}}", "payload": "ME"}
    message = {"text": "Is this you?", "quick_replies": [reply]}
    run, anybody = world.run("1", "2", message=message), world.run("1", "2", message=message, status="paused")
    await world.turn()
    assert (world.asides(run), world.recipients(run)) == ({"2": "bad_payload"}, ["1"])
    world.change(anybody, status="queued")
    await world.turn(world.processor(rules_off=["quick-reply-title"]))
    assert (world.asides(anybody), world.recipients(anybody)) == ({}, ["1", "2"])


async def test_the_window_counts_only_while_two_clocks_agree_and_it_is_enforced(world: World) -> None:
    world.sql(
        "INSERT INTO subscribers VALUES ('100', '1', 'Ann', now() - interval '2 days'), ('100', '2', 'Bob', now())"
    )
    for offset_min, enforce, aside in (
        (0, True, ["1"]),
        (4, True, ["1"]),
        (6, True, []),
        (-6, True, []),
        (0, False, []),
    ):
        world.now_ms = time.time_ns() // 1_000_000 + offset_min * 60_000
        run = world.run("1", "2")
        world.change(run, scheduled_at=datetime.now(UTC) - timedelta(hours=1))
        await world.turn(world.processor(enforce_window=enforce))
        assert list(world.asides(run)) == aside, (offset_min, enforce)
        assert world.recipients(run) == [r for r in ("1", "2") if r not in aside]


async def test_a_braked_run_suppresses_nobody_until_a_person_resumes_it(world: World) -> None:
    first = world.run("1")
    await world.turn()
    suppress(world, "1", run=first)
    brake(world, first)
    second = world.run("1")
    await world.turn()
    assert world.asides(second) == {}
    await world.keep_books()
    assert world.sql("SELECT brake_rule FROM runs WHERE run_id = %s", first) == ["recipients-gone"]
    await world.queue.let_go(first, "brake")
    await world.keep_books()
    third = world.run("1")
    await world.turn()
    assert world.asides(third) == {"1": "recipient_gone"}


async def test_a_run_that_is_cancelled_while_it_is_braked_never_suppresses(world: World) -> None:
    first = world.run("1")
    await world.turn()
    suppress(world, "1", run=first)
    brake(world, first)
    await world.queue.cancel(first)
    world.redis_command("DEL", key(f"jobs:{first}"))
    world.redis_command("HSET", key(f"run:{first}"), "state", "finished", "left", "0")
    world.redis_command("ZADD", key("finished"), "1", first)
    await world.keep_books()
    assert world.state(first) == "finished"
    second = world.run("1")
    await world.turn()
    assert world.asides(second) == {}


async def test_a_run_braked_by_another_rule_suppresses(world: World) -> None:
    first = world.run("1")
    await world.turn()
    suppress(world, "1", run=first)
    brake(world, first, "content-reported")
    await world.keep_books()
    second = world.run("1")
    await world.turn()
    assert world.asides(second) == {"1": "recipient_gone"}
