"""What is noted for the platform, whatever changes the registry: in the transaction that changes it."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.integration.runs.world import World

NOTED = "SELECT event, status, recipients, outcomes FROM run_webhooks WHERE run_id = %s ORDER BY number"
REGISTER = "INSERT INTO runs (run_id, page_id, source, state) VALUES (%s, '100', 'submitted', %s)"


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        ({"outcomes": {"sent": 2, "failed": 1}}, ("run.finished", "finished", 3)),
        ({"outcomes": {"sent": 2, "cancelled": 1}}, ("run.cancelled", "cancelled", 3)),
        ({"outcomes": {"sent": 2, "expired": 1}}, ("run.expired", "expired", 3)),
        ({"outcomes": {"cancelled": 0}}, ("run.finished", "finished", 3)),
        ({"outcomes": {}}, ("run.finished", "finished", 3)),
    ],
)
async def test_an_end_is_noted_with_its_figures(
    world: World, change: dict[str, dict[str, int]], noted: tuple[str, str, int]
) -> None:
    world.sql(REGISTER, "r", "enqueuing")
    world.sql("UPDATE runs SET state = 'active', recipients = 3, enqueued_at = now()")
    assert world.sql(NOTED, "r") == []
    for _ in range(2):  # the second is no news
        world.sql("UPDATE runs SET state = 'finished', outcomes = %s", json.dumps(change["outcomes"]))
    assert world.sql(NOTED, "r") == [(*noted, change["outcomes"])]


async def test_a_run_ends_as_its_lists_say(world: World) -> None:
    world.sql(REGISTER, "r", "active")
    world.sql("UPDATE runs SET state = 'finished', ended_as = 'cancelled', outcomes = '{\"sent\": 3}'")
    world.sql(REGISTER, "whole", "active")
    end = "UPDATE runs SET state = 'finished', ended_as = 'complete', outcomes = '{\"expired\": 1}' WHERE run_id = %s"
    world.sql(end, "whole")
    noted = world.sql(NOTED, "r") + world.sql(NOTED, "whole")
    assert [event for event, *_ in noted] == ["run.cancelled", "run.finished"]


async def test_stops_are_noted_without_figures_that_nobody_knows_yet(world: World) -> None:
    world.sql(REGISTER, "r", "enqueuing")
    world.sql("UPDATE runs SET recipients = 3")
    world.sql("UPDATE runs SET brake_rule = 'content-reported'")
    world.sql("UPDATE runs SET brake_rule = 'another'")
    world.sql("UPDATE runs SET brake_rule = NULL, enqueued_at = now()")
    world.sql("UPDATE runs SET state = 'queue_lost'")
    world.sql("UPDATE runs SET state = 'enqueuing'")
    assert world.sql(NOTED, "r") == [("run.braked", "waiting", None, None), ("run.queue_lost", "waiting", 3, None)]


async def test_a_refusal_is_noted(world: World) -> None:
    world.sql(REGISTER, "r", "refused")
    assert world.sql(NOTED, "r") == [("run.refused", "refused", 0, {})]


async def test_nothing_is_noted_of_what_did_not_come_to_be(world: World) -> None:
    with psycopg.connect(world.url) as another:
        another.execute(REGISTER.encode(), ("r", "refused"))
        another.rollback()
    assert world.sql(NOTED, "r") == []
