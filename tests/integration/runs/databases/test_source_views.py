"""The source's views, whatever they look like, and the samples for them: only ever read."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from sender.runs.databases.database import statement
from sender.runs.databases.errors import DatabaseAway, QueryRefused
from sender.runs.databases.source_views import Source, Views
from tests.integration.runs.world import SAMPLES, World


async def test_source_is_only_ever_read(world: World) -> None:
    database = world.database(read_only=True)
    assert await database.rows(sql.SQL("SELECT current_setting('transaction_read_only')")) == [("on",)]
    with pytest.raises(DatabaseAway):
        await database.rows(sql.SQL("DELETE FROM pages"))


async def test_missing_columns_and_views_are_named_together_with_what_to_write(world: World) -> None:
    world.sql("DROP VIEW newar_runs; DROP VIEW newar_recipients; DROP VIEW newar_pages")
    world.sql("CREATE VIEW newar_runs AS SELECT id AS run_id, page_id, message, status FROM broadcasts")
    world.sql("CREATE VIEW newar_pages AS SELECT id AS page_id FROM pages")
    with pytest.raises(QueryRefused) as caught:
        await world.turn()
    text = str(caught.value)
    assert "the view newar_runs lacks page_access_token, messaging_type, tag, notification_type, scheduled_at" in text
    assert "NULL::text AS page_access_token" in text
    assert "the view newar_recipients does not exist here: create it, or name yours in SOURCE_RECIPIENTS_VIEW" in text
    assert "the view newar_pages lacks page_access_token, time_zone, weight, limit_text, limit_media" in text
    assert "schema/source/views.sql" in text


async def test_view_that_loses_a_column_is_named_and_its_mend_is_noticed(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await world.turn(processor)
    world.sql("DROP VIEW newar_runs; CREATE VIEW newar_runs AS SELECT id AS run_id FROM broadcasts")
    with pytest.raises(QueryRefused, match="the view newar_runs lacks page_id"):
        await world.turn(processor)
    world.sql("DROP VIEW newar_runs")
    world.sample("views.sql")
    world.change(run, status="paused")
    await world.turn(processor)
    assert (await world.facts(run)).held_by == ["source"]


async def test_view_with_the_pages_that_is_added_later_is_noticed(world: World) -> None:
    [query] = world.sql("SELECT pg_get_viewdef('newar_pages')")
    world.sql("DROP VIEW newar_pages")
    world.run("1")
    processor = world.processor()
    await world.turn(processor)
    world.sql(f"CREATE VIEW newar_pages AS {query}")
    world.sql("UPDATE pages SET time_zone = 'Asia/Bangkok'")
    await world.turn(processor)
    assert world.page_in_queue()["time_zone"] == "Asia/Bangkok"


async def test_source_whose_database_has_no_encoding_is_read_as_utf_8(world: World) -> None:
    name = f"ascii_{uuid4().hex[:12]}"
    world.sql(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    url = f"{world.url.rsplit('/', 1)[0]}/{name}"
    try:
        with psycopg.connect(url, client_encoding="UTF8") as connection:
            connection.execute((SAMPLES / "tables.sql").read_bytes())
            connection.execute((SAMPLES / "views.sql").read_bytes())
            connection.execute("INSERT INTO pages VALUES ('1', 'A page', 'token', 'Zürich')")
        async with world.database(read_only=True, url=url) as database:
            [page] = await Source("source", database, Views()).pages()
    finally:
        world.sql(f"DROP DATABASE {name} WITH (FORCE)")
    assert page.time_zone == "Zürich"


@pytest.mark.parametrize(
    ("moment", "problem"),
    [
        ("'yesterday'", "is text: write last_interaction_at::timestamptz"),
        ("now() AT TIME ZONE 'Asia/Bangkok'", "timestamp without time zone, .* last_interaction_at AT TIME ZONE 'UTC'"),
        ("now()::timestamp(0)", "timestamp.* last_interaction_at AT TIME ZONE 'UTC'"),
        ("now()::date", "is date, .* last_interaction_at::timestamp AT TIME ZONE 'UTC'"),
        ("1700000000000", r"is bigint: write to_timestamp\(last_interaction_at / 1000.0\)"),
    ],
)
async def test_column_of_an_impossible_type_is_an_error_that_names_the_samples(
    world: World, moment: str, problem: str
) -> None:
    world.sql("DROP VIEW newar_recipients")
    view = "SELECT broadcast_id::text AS run_id, psid AS recipient_id, variables, MOMENT AS last_interaction_at"
    world.sql(f"CREATE VIEW newar_recipients AS {view} FROM broadcast_recipients".replace("MOMENT", moment))
    world.run("1")
    found = f"last_interaction_at of the view newar_recipients .*{problem}.*schema/source/views.sql"
    with pytest.raises(QueryRefused, match=found):
        await world.turn()


async def test_view_that_is_made_anew_between_two_polls_is_compared_again(world: World) -> None:
    world.count_recipients()
    processor = world.processor()
    first = world.run("1")
    await world.turn(processor)
    world.sql("DROP VIEW newar_recipients")
    world.sql(
        "CREATE VIEW newar_recipients AS SELECT broadcast_id::text AS run_id, psid AS recipient_id, variables, "
        "now() AT TIME ZONE 'Asia/Bangkok' AS last_interaction_at, NULL::text AS time_zone FROM broadcast_recipients"
    )
    second = world.run("2")
    with pytest.raises(QueryRefused, match="last_interaction_at of the view newar_recipients is timestamp without"):
        await world.turn(processor)
    assert (world.recipients(first), world.registered(second)) == (["1"], None)


async def test_a_domain_over_moments_is_one(world: World) -> None:
    world.sql("CREATE DOMAIN moment AS timestamptz; DROP VIEW newar_recipients")
    world.sql(
        "CREATE VIEW newar_recipients AS SELECT broadcast_id::text AS run_id, psid AS recipient_id, variables, "
        "now()::moment AS last_interaction_at FROM broadcast_recipients"
    )
    run = world.run("1")
    await world.turn()
    assert world.recipients(run) == ["1"]


async def test_priority_that_is_no_number_refuses_that_run_only(world: World) -> None:
    bad, good = world.run("1"), world.run("2")
    views = (SAMPLES / "views.sql").read_text()
    world.sql("DROP VIEW newar_runs")
    world.sql(views.replace("NULL::int        AS priority", f"CASE b.id WHEN '{bad}' THEN 'high' END AS priority"))
    await world.turn()
    assert world.recipients(good) == ["2"]
    row = world.registered(bad)
    assert row is not None
    assert row["reason"] == "priority must be a whole number from -1000 to 1000, not high"


async def test_run_that_cannot_be_read_is_named_and_does_not_keep_the_others(world: World) -> None:
    runs = [world.run(f"{n}") for n in range(7)]
    views = (SAMPLES / "views.sql").read_text()
    world.sql("DROP VIEW newar_runs")
    world.sql(
        views.replace("NULL::int        AS priority", f"(CASE b.id WHEN '{runs[3]}' THEN 'high' END)::int AS priority")
    )
    with pytest.raises(QueryRefused, match=f"run {runs[3]}: InvalidTextRepresentation") as caught:
        await world.turn()
    assert "high" not in str(caught.value)  # what stands in a row is not for the log
    assert [world.recipients(run) for run in runs] == [[f"{n}"] if n != 3 else [] for n in range(7)]


FAILURES = {"22012": "DivisionByZero", "39000": "ExternalRoutineInvocation", "HV000": "Fdw", "XX001": "DataCorrupted"}


@pytest.mark.parametrize("code", FAILURES)
async def test_run_whose_recipients_cannot_be_read_does_not_keep_the_others(world: World, code: str) -> None:
    runs = [world.run(f"{n}") for n in range(3)]
    world.sql(
        "CREATE FUNCTION opened(run_id uuid) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN "
        f"IF run_id = '{runs[1]}' THEN RAISE 'secret' USING ERRCODE = '{code}'; END IF; "
        "RETURN NULL; END $$"
    )
    world.sql(
        "DROP VIEW newar_recipients; "
        "CREATE VIEW newar_recipients AS SELECT broadcast_id::text AS run_id, psid AS recipient_id, "
        "opened(broadcast_id) AS variables, NULL::timestamptz AS last_interaction_at FROM broadcast_recipients"
    )
    with pytest.raises(QueryRefused, match=f"{FAILURES[code]}.*, function opened") as caught:
        await world.turn()
    assert "secret" not in str(caught.value)
    assert [world.recipients(run) for run in runs] == [["0"], [], ["2"]]


async def test_views_may_have_a_schema_and_any_name(world: World) -> None:
    world.sql('CREATE SCHEMA "My Shop"; CREATE VIEW "My Shop"."Runs" AS TABLE newar_runs')
    run = world.run("1")
    await world.turn(world.processor(views=Views(runs="My Shop.Runs")))
    assert world.recipients(run) == ["1"]


async def test_name_of_a_view_is_never_sql(world: World) -> None:
    with pytest.raises(QueryRefused, match="does not exist here"):
        await world.turn(world.processor(views=Views(runs='newar_runs"; DROP TABLE pages; --')))
    assert world.sql("SELECT count(*) FROM pages") == [1]


async def test_ids_that_are_no_text_in_the_view_work_too(world: World) -> None:
    world.sql("DROP VIEW newar_recipients; DROP VIEW newar_runs")
    world.sample("views.sql")
    world.sql("DROP VIEW newar_recipients")
    world.sql(
        "CREATE VIEW newar_recipients AS SELECT broadcast_id AS run_id, psid::bigint AS recipient_id, variables, "
        "NULL::timestamptz AS last_interaction_at FROM broadcast_recipients"
    )
    run = world.run("9", "10", "11", "12", "9")
    await world.turn()
    assert world.recipients(run) == ["10", "11", "12", "9"]


async def test_advised_index_gives_recipients_in_order_also_before_postgres_has_counted_them(world: World) -> None:
    run = world.run()
    insert = "INSERT INTO broadcast_recipients SELECT %s, '100', n::text FROM generate_series(1, 20000) n"
    world.sql(insert, run)
    names = {"recipients": sql.Identifier("newar_recipients"), "time_zone": sql.SQL("time_zone")}
    query = statement("recipients").format(**names)
    explain = sql.SQL("EXPLAIN ") + query
    rows = await world.database(read_only=True).rows(explain, run_id=run, cursor="3", limit=500)
    plan = "\n".join(line for (line,) in rows)
    assert "Index Scan using broadcast_recipients_newar" in plan
    assert "Sort" not in plan


async def test_recipients_are_found_by_name_through_the_advised_index(world: World) -> None:
    run, other = world.run("3", "2", "2", "nobody's"), world.run("4")
    world.sql("UPDATE broadcast_recipients SET variables = '{\"n\": 1.50}' WHERE psid = '3'")
    world.sql("INSERT INTO subscribers VALUES ('100', '3', 'Ann', '2026-11-22T09:30:00Z', 'Asia/Tokyo')")
    source = Source("source", world.database(read_only=True), Views())
    found = await source.recipients_named(run, ["3", "4", "2", "9"])
    assert sorted(found) == ["2", "3"]
    assert found["3"][2:] == (1_795_339_800.0, "Asia/Tokyo")
    assert json.loads(found["3"].variables or "") == {"n": 1.5, "first_name": "Ann"}
    assert await source.recipients_named(other, []) == {}
    world.sql("INSERT INTO broadcast_recipients SELECT %s, '100', n::text FROM generate_series(10, 20000) n", run)
    names = {"recipients": sql.Identifier("newar_recipients"), "time_zone": sql.SQL("time_zone")}
    explain = sql.SQL("EXPLAIN ") + statement("recipients_named").format(**names)
    some = [str(n) for n in range(10, 1010)]
    rows = await world.database(read_only=True).rows(explain, run_id=run, recipient_ids=some)
    plan = "\n".join(line for (line,) in rows)
    assert "broadcast_recipients_newar" in plan
    assert "Seq Scan on broadcast_recipients" not in plan


async def test_samples_hide_the_views_from_supabases_web_roles(world: World) -> None:
    made = not world.sql("SELECT 1 FROM pg_roles WHERE rolname = 'anon'")
    if made:
        world.sql("CREATE ROLE anon")
    try:
        world.sql("GRANT ALL ON newar_runs, newar_recipients, newar_pages TO anon")
        world.sample("views.sql")
        views = ("newar_runs", "newar_recipients", "newar_pages")
        assert [world.sql("SELECT has_table_privilege('anon', %s, 'SELECT')", v) for v in views] == [[False]] * 3
    finally:
        if made:
            world.sql("DROP OWNED BY anon; DROP ROLE anon")
    await world.turn()  # the owner still may


async def test_samples_do_without_the_view_of_pages(world: World) -> None:
    world.sql("DROP VIEW newar_pages")
    views = (SAMPLES / "views.sql").read_text()
    without = re.sub(r"CREATE OR REPLACE VIEW newar_pages AS.*?;\n", "", views, flags=re.DOTALL)
    assert without != views
    world.sql(without)
    run = world.run("1")
    await world.turn()
    assert world.recipients(run) == ["1"]


@pytest.mark.parametrize("has_pages", [True, False])
async def test_samples_reader_sees_the_views_and_nothing_else(world: World, has_pages: bool) -> None:
    if world.sql("SELECT 1 FROM pg_roles WHERE rolname = 'newar_reader'"):
        pytest.skip("another test session on this server uses the role newar_reader")
    run = world.run("1")
    if not has_pages:
        world.sql("DROP VIEW newar_pages")
    try:
        world.sample("reader.sql")
        password = "put%20your%20own%20here"
        address = urlsplit(world.url)
        host = address.netloc.rsplit("@", 1)[-1]
        reader = urlunsplit(address._replace(netloc=f"newar_reader:{password}@{host}"))
        async with world.database(read_only=True, url=reader) as database:
            await world.turn(world.processor(source=Source("source", database, Views())))
            with pytest.raises(QueryRefused, match="permission denied for table pages"):
                await database.rows(sql.SQL("SELECT access_token FROM pages"))
    finally:
        world.sql("DROP OWNED BY newar_reader; DROP ROLE newar_reader")
    assert world.recipients(run) == ["1"]


async def test_connection_that_was_cut_is_opened_again(world: World) -> None:
    run = world.run("1")
    processor = world.processor()
    await processor.poll()
    world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'newar runs'")
    with pytest.raises(DatabaseAway):
        await world.turn(processor)
    for _ in range(2):  # the log database's connection may be noticed next
        try:
            await world.turn(processor)
        except DatabaseAway:
            continue
    assert world.recipients(run) == ["1"]
