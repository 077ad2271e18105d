"""What the queue is told of a page: its token, limits and zone."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.integration.runs.world import World


async def test_token_reaches_redis_sealed_and_a_new_one_at_the_next_poll(world: World) -> None:
    world.run("1")
    processor = world.processor()
    await world.turn(processor)
    first = world.page_in_queue()
    assert world.box.open(first["token"]) == "secret-token"
    assert "secret-token" not in str(first)
    await world.turn(processor)
    assert world.page_in_queue() == first
    world.sql("UPDATE pages SET access_token = 'new-token'")
    await world.turn(processor)
    assert world.box.open(world.page_in_queue()["token"]) == "new-token"


async def test_page_view_may_be_missing(world: World) -> None:
    world.sql("DROP VIEW newar_pages")
    run = world.run("1")
    await world.turn()
    assert world.recipients(run) == ["1"]
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"
    world.sql("UPDATE pages SET access_token = 'new-token'")
    await world.turn()
    assert world.box.open(world.page_in_queue()["token"]) == "new-token"


async def test_pages_limits_and_zone_reach_redis_and_nonsense_does_not(world: World) -> None:
    world.sql("DROP VIEW newar_pages")
    world.sql(
        "CREATE VIEW newar_pages AS SELECT id AS page_id, access_token AS page_access_token, 'UTC' AS time_zone, "
        "2 AS weight, 'NaN'::float8 AS limit_text, 'many' AS limit_media FROM pages"
    )
    world.run("1")
    with capture_logs() as logs:
        await world.turn()
    assert [line["column"] for line in logs if line["event"] == "page_value_unreadable"] == ["limit_media"]
    page = world.page_in_queue()
    assert (page["weight"], page["time_zone"]) == ("2", "UTC")
    assert not {"limit_text", "limit_media"} & set(page)


async def test_submitted_run_waits_for_what_the_source_says_of_its_page(world: World) -> None:
    world.sql("INSERT INTO submitted_runs (run_id, page_id, message) VALUES ('s1', '100', '{\"text\": \"Hi\"}')")
    world.sql("INSERT INTO submitted_recipients VALUES ('s1', '1')")
    book = world.known_pages(complete=False)
    submitted = world.processor("submitted", pages=book)
    await world.turn(submitted)
    assert world.state("s1") is None
    await world.turn(world.processor(pages=book))
    await world.turn(submitted)
    assert world.recipients("s1") == ["1"]
    assert world.box.open(world.page_in_queue()["token"]) == "secret-token"


async def test_a_pages_name_follows_the_source_whatever_it_is(world: World) -> None:
    world.run("1")
    processor = world.processor()
    for name, kept in (
        ("Ana's <b>shop</b> \u202egnp\u200b", "Ana's <b>shop</b> \u202egnp\u200b"),
        ("  é" + 10_000 * "x", ("é" + 200 * "x")[:198]),
        (" \t\n", None),
    ):
        world.sql("UPDATE pages SET name = %s", name)
        await world.turn(processor)
        assert world.page_in_queue().get("name") == kept


async def test_the_view_may_name_no_page_or_name_it_by_a_number(world: World) -> None:
    [query] = world.sql("SELECT pg_get_viewdef('newar_pages')")
    world.run("1")
    processor = world.processor()
    for column, kept in ((None, None), ("17", "17"), ("""'{"a": 1}'::jsonb""", '{"a": 1}')):
        world.sql("DROP VIEW newar_pages")
        named = "" if column is None else f", {column} AS name"
        world.sql("CREATE VIEW newar_pages AS " + query.replace(",\n    name", named))
        await world.turn(processor)
        assert world.page_in_queue().get("name") == kept
        assert world.box.open(world.page_in_queue()["token"]) == "secret-token"


async def test_names_and_pages_that_had_runs_are_noted_in_the_log_database(world: World) -> None:
    world.sql("INSERT INTO pages VALUES ('200', 'No run yet', 'token')")
    world.run("1")
    await world.turn()
    known = "SELECT page_id, name, ever_ran FROM known_pages ORDER BY page_id"
    assert world.sql(known) == [("100", "A page", True), ("200", "No run yet", False)]
    world.sql("UPDATE pages SET name = CASE id WHEN '100' THEN ' \u202eAna ' ELSE ' ' END")
    await world.turn()
    assert world.sql(known) == [("100", "\u202eAna", True), ("200", None, False)]
    world.sql("DELETE FROM pages WHERE id = '200'")
    await world.turn()
    assert len(world.sql(known)) == 2


async def test_a_page_whose_runs_were_all_refused_had_none_until_one_is_mended(world: World) -> None:
    run = world.run("1", message={})
    await world.turn()
    assert world.state(run) == "refused"
    assert world.sql("SELECT ever_ran FROM known_pages") == [False]
    world.change(run, message='{"text": "Hi"}')
    await world.turn()
    assert world.state(run) == "enqueuing"
    assert world.sql("SELECT ever_ran FROM known_pages") == [True]


async def test_names_that_did_not_change_are_not_written_again(world: World) -> None:
    world.run("1")
    processor = world.processor()
    await world.turn(processor)
    before = world.sql("SELECT xmin::text FROM known_pages")
    await world.turn(processor)
    await world.turn()
    assert world.sql("SELECT xmin::text FROM known_pages") == before
