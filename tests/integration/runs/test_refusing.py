"""Runs that cannot be sent, and rows that cannot be used: refused with a reason, while the rest goes on."""

from __future__ import annotations

import secrets

import pytest
from structlog.testing import capture_logs

from schema.run import RunState
from sender.runs.databases.errors import QueryRefused
from tests.integration.runs.world import World


async def test_unusable_run_is_refused_with_its_reason_and_the_rest_goes_on(world: World) -> None:
    bad, good = world.run("1", message={}), world.run("1")
    with capture_logs() as logs:
        await world.turn()
        await world.turn()
    assert world.jobs(bad) == []
    row = world.registered(bad)
    assert row is not None
    assert (row["state"], "message is empty" in row["reason"]) == ("refused", True)
    assert [line["run_id"] for line in logs if line["event"] == "run_refused"] == [bad]
    assert world.recipients(good) == ["1"]


async def test_message_that_meta_would_refuse_is_refused_unless_its_rule_is_off(world: World) -> None:
    bad = world.run("1", message={"text": "", "mood\u001b": 1})
    await world.turn()
    row = world.registered(bad)
    assert row is not None
    assert row["reason"].startswith('message: unknown key "mood\ufffd": known here are attachment, ')
    assert row["reason"].endswith("(rule unknown-key); message.text: empty: write a text (rule blank-text)")
    let_through = world.run("1", message={"text": "Hi", "mood": 1})
    await world.turn(world.processor(rules_off=["unknown-key"]))
    assert world.recipients(let_through) == ["1"]


async def test_run_whose_id_is_too_long_to_be_registered_keeps_no_other(world: World) -> None:
    world.sql("DROP VIEW newar_runs; CREATE TABLE newar_runs (LIKE submitted_runs INCLUDING DEFAULTS)")
    world.sql("DROP VIEW newar_recipients; CREATE TABLE newar_recipients (LIKE submitted_recipients)")
    for run_id in (secrets.token_hex(3000), "good"):
        world.sql("INSERT INTO newar_runs VALUES (%s, '100', 'token', '{\"text\": \"Hi\"}')", run_id)
        world.sql("INSERT INTO newar_recipients VALUES (%s, '1')", run_id)
    with pytest.raises(QueryRefused, match="index row"):
        await world.turn()
    assert world.state("good") == RunState.ENQUEUING


async def test_recipient_whose_id_no_row_of_the_log_could_hold_is_left_out_and_counted(world: World) -> None:
    run = world.run("1", "7" * 501, "8")
    await world.turn()
    assert world.recipients(run) == ["1", "8"]
    row = world.registered(run)
    assert row is not None
    assert row["reason"] == "1 rows without a usable recipient_id were left out"


@pytest.mark.parametrize("lost", ["runs", "submitted_runs"])
async def test_log_database_that_lacks_a_table_is_to_be_migrated(world: World, lost: str) -> None:
    world.sql("INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('r', '100', '{}')")
    world.sql(f"DROP TABLE {lost}")
    with pytest.raises(QueryRefused, match="newar migrate"):
        await world.turn(world.processor("submitted"))


async def test_message_that_is_no_json_in_a_text_column_refuses_that_run_only(world: World) -> None:
    world.sql("DROP VIEW newar_runs; ALTER TABLE broadcasts ALTER message TYPE text")
    world.sample("views.sql")
    bad, good = world.run("1"), world.run("1")
    world.change(bad, message="{'text': 'Hi'}")
    await world.turn()
    assert (world.state(bad), world.recipients(good)) == ("refused", ["1"])


async def test_run_without_a_token_is_refused_unless_its_page_has_one(world: World) -> None:
    world.page("200", has_token=False)
    without = world.run("1", page_id="200")
    await world.turn()
    row = world.registered(without)
    assert row is not None
    assert "page_access_token is missing" in row["reason"]
