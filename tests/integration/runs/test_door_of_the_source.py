"""Views that people really brought: nobody is written to before what is wrong with them is mended."""

from __future__ import annotations

import pytest

from schema.run import RunState
from sender.runs.databases.errors import QueryRefused
from tests.integration.runs.world import World

RECIPIENTS = {
    "run_id": "broadcast_id::text",
    "recipient_id": "psid",
    "variables": "variables",
    "last_interaction_at": "now() - interval '26 hours'",
}

IMPOSSIBLE = {
    "a moment without its zone": (
        "last_interaction_at",
        "(now() - interval '26 hours') AT TIME ZONE 'Asia/Bangkok'",
        "whose time zone nobody knows: write last_interaction_at AT TIME ZONE 'UTC'",
    ),
    "a moment in milliseconds": (
        "last_interaction_at",
        "1763800000000::bigint",
        r"to_timestamp\(last_interaction_at / 1000.0\)",
    ),
    "a day": ("last_interaction_at", "current_date", "whose time zone nobody knows"),
    "an id as a floating point number": ("recipient_id", "psid::float8", "rounds long ids"),
    "an id as a numeric with a fraction": ("recipient_id", "psid::numeric(20,2)", "adds digits"),
    "ids in a list": ("recipient_id", "ARRAY[psid]", "write the id as text"),
    "variables as text": ("variables", "variables::text", "write variables::jsonb"),
    "variables as a list": ("variables", "ARRAY['Ann']", "jsonb_build_object"),
    "variables as a number": ("variables", "7", "jsonb_build_object"),
}


def view(world: World, **changes: str) -> None:
    columns = ", ".join(f"{value} AS {name}" for name, value in (RECIPIENTS | changes).items())
    world.sql("DROP VIEW newar_recipients")
    world.sql(f"CREATE VIEW newar_recipients AS SELECT {columns} FROM broadcast_recipients")  # noqa: S608


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_column_of_a_type_that_cannot_be_right_is_refused_with_what_to_write(world: World, case: str) -> None:
    column, value, said = IMPOSSIBLE[case]
    run = world.run("7000000000000001", "9007199254740993")
    view(world, **{column: value})
    with pytest.raises(QueryRefused, match=said):
        await world.turn()
    assert world.state(run) is None
    view(world)
    await world.turn()
    assert world.state(run) == RunState.ENQUEUING


async def test_all_columns_at_fault_are_told_at_once(world: World) -> None:
    view(world, recipient_id="psid::float8", variables="variables::text", last_interaction_at="now()::timestamp")
    with pytest.raises(QueryRefused) as caught:
        await world.turn()
    for column in ("recipient_id", "variables", "last_interaction_at"):
        assert f"{column} of the view newar_recipients is" in str(caught.value)


@pytest.mark.parametrize("column", ["scheduled_at", "expires_at", "updated_at"])
async def test_other_moments_without_their_zone_are_refused_too(world: World, column: str) -> None:
    rest = "run_id, page_id, page_access_token, message, messaging_type, tag, notification_type, status, send_window"
    moments = {name: name for name in ("scheduled_at", "expires_at", "updated_at")}
    moments[column] = f"{column} AT TIME ZONE 'Asia/Bangkok' AS {column}"
    columns = f"{rest}, priority, on_unknown, {', '.join(moments.values())}"
    world.sql("ALTER VIEW newar_runs RENAME TO whole")
    world.sql(f"CREATE VIEW newar_runs AS SELECT {columns} FROM whole")  # noqa: S608
    with pytest.raises(QueryRefused, match=f"{column} of the view newar_runs is timestamp without time zone"):
        await world.turn()


MESSAGES = {
    "a whole request": '{"recipient": {"id": "1"}, "messaging_type": "UPDATE", "message": {"text": "Hello"}}',
    "a misspelt key": '{"txt": "Hello"}',
    "an empty text": '{"text": ""}',
    "JSON in a string": '"{\\"text\\": \\"Hello\\"}"',
    "a constant text of 2,001 characters": '{"text": "' + "x" * 2001 + '"}',
    "a photo": '{"attachment": {"type": "photo", "payload": {"url": "https://example.com/a.png"}}}',
}


@pytest.mark.parametrize("case", MESSAGES)
async def test_message_that_meta_would_refuse_is_refused_and_mended_taken(world: World, case: str) -> None:
    run = world.run("1")
    world.change(run, message=MESSAGES[case])
    await world.turn()
    assert (world.state(run), world.jobs(run)) == (RunState.REFUSED, [])
    world.change(run, message='{"text": "Hello"}')
    await world.turn()
    assert world.recipients(run) == ["1"]
