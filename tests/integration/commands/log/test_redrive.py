"""`newar log redrive`: dead letters that become rows after a mend, and those that stay."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.integration.commands.log.letters import LIFE, acts, bury, left, logged
from tests.integration.commands.servers import sql
from tests.integration.ingest.events import event, figures, recount
from tests.unit.command_line import CommandLine

MEND = "event - 'recipient' || jsonb_build_object('recipient_id', event->'recipient')"


def renamed(number: int) -> bytes:
    """An event with a field by another name, so that no row can be made of it."""
    return event(number).replace(b'"recipient_id"', b'"recipient"')


def test_what_can_be_read_now_becomes_a_row_and_the_rest_stays_with_the_new_reason(
    desk: CommandLine, log_database_url: str
) -> None:
    bury(log_database_url, [event(1), b"\xff\0", event(2), renamed(3)], reason="as it was")
    done = json.loads(desk("log", "redrive", "--all", "--json").stdout)
    assert (done["tried"], done["rows"], done["stay"]) == (4, 2, 2)
    assert logged(log_database_url) == ["1", "2"]
    stayed = left(log_database_url)
    assert [offset for offset, *_ in stayed] == [1, 3]
    assert stayed[0][1] == b"\xff\0"
    assert "recipient_id" in stayed[1][2]
    assert "as it was" not in [reason for *_, reason in stayed]


def test_an_edit_mends_messages_and_the_original_stays_until_the_row_is_there(
    desk: CommandLine, log_database_url: str
) -> None:
    values = [renamed(1), renamed(2), b"no event"]
    bury(log_database_url, values)
    tried = json.loads(desk("log", "redrive", "--all", "--edit", MEND, "--dry-run", "--json").stdout)
    assert (tried["letters"], tried["readable"], tried["refused"]) == (3, 2, {"not edited: it is no JSON": 1})
    assert json.loads(tried["examples"][0]["edited"])["recipient_id"] == "1"
    assert (logged(log_database_url), len(left(log_database_url)), acts(log_database_url)) == ([], 3, [])
    text = desk("log", "redrive", "--all", "--edit", MEND).stdout
    assert text == "3 dead letters: 2 are rows now, 0 were in the log already, 1 stay\n"
    assert logged(log_database_url) == ["1", "2"]
    assert [(offset, raw) for offset, raw, _ in left(log_database_url)] == [(2, values[2])]
    [(what, detail)] = acts(log_database_url)
    assert what == "log redrive"
    assert MEND in detail
    assert "2 are rows now" in detail


def test_what_the_edit_makes_and_the_database_refuses_keeps_its_own_bytes(
    desk: CommandLine, log_database_url: str
) -> None:
    sql(log_database_url, "ALTER TABLE message_logs ADD CONSTRAINT no_run_2 CHECK (run_id <> 'run-2') NOT VALID")
    bury(log_database_url, [renamed(1), renamed(2).replace(b"run-1", b"run-2")])
    before = left(log_database_url)
    done = json.loads(desk("log", "redrive", "--all", "--edit", MEND, "--json").stdout)
    assert (done["rows"], done["stay"]) == (1, 1)
    [(offset, raw, reason)] = left(log_database_url)
    assert (offset, raw) == before[1][:2]
    assert "no_run_2" in reason
    assert figures(log_database_url) == recount(log_database_url)


def test_only_those_that_were_chosen_are_tried(desk: CommandLine, log_database_url: str) -> None:
    bury(log_database_url, [event(0), event(1)])
    bury(log_database_url, [event(2)], partition=3)
    bury(log_database_url, [event(3)], reason="another")
    bury(log_database_url, [event(4)], hours_ago=9)
    assert desk("log", "redrive", f"{LIFE}/0/1").exit_code == 0
    assert logged(log_database_url) == ["1"]
    assert desk("log", "redrive", "--reason", "another").exit_code == 0
    assert desk("log", "redrive", "--partition", "3").exit_code == 0
    assert logged(log_database_url) == ["1", "2", "3"]
    assert desk("log", "redrive", "--since", "2h").exit_code == 0
    assert logged(log_database_url) == ["0", "1", "2", "3"]
    assert [offset for offset, *_ in left(log_database_url)] == [4]


def test_one_that_is_a_row_already_goes_and_one_too_old_too(desk: CommandLine, log_database_url: str) -> None:
    once = event(1)
    bury(log_database_url, [once, once, event(2, datetime.now(UTC) - timedelta(days=30))])
    done = json.loads(desk("log", "redrive", "--all", "--json").stdout)
    assert (done["rows"], done["repeated"], done["too_old"]) == (1, 1, 1)
    assert (logged(log_database_url), left(log_database_url)) == (["1"], [])


def test_one_that_conflicts_with_a_row_or_is_of_a_newer_schema_stays(desk: CommandLine, log_database_url: str) -> None:
    once = event(1)
    bury(log_database_url, [once])
    assert desk("log", "redrive", "--all").exit_code == 0
    newer = event(2).replace(b'"schema_version":1', b'"schema_version":2')
    bury(log_database_url, [once.replace(b"m_1", b"m_2"), newer, event(3)])
    done = json.loads(desk("log", "redrive", "--all", "--json").stdout)
    assert (done["rows"], done["stay"], done["conflicting"]) == (1, 2, 1)
    assert logged(log_database_url) == ["1", "3"]
    reasons = [reason for *_, reason in left(log_database_url)]
    assert "schema_version 2" in reasons[1]
    assert figures(log_database_url) == recount(log_database_url)


def test_many_are_put_back_only_when_somebody_says_so(desk: CommandLine, log_database_url: str) -> None:
    bury(log_database_url, [event(n) for n in range(101)])
    asked = desk("log", "redrive", "--all")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    assert logged(log_database_url) == []
    assert desk("log", "redrive", "--all", "--yes").exit_code == 0
    assert (len(logged(log_database_url)), left(log_database_url)) == (101, [])


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("event - ", "syntax error"),
        ("event; DELETE FROM runs", "syntax error"),
        ("event)::jsonb)::text FROM runs; DELETE FROM runs; SELECT 1, (SELECT (event", "multiple commands"),
        ("pg_sleep(60)::text", "longer than 5 s"),
        ("nextval('audit_id_seq')::text", "read-only transaction"),
        ("lo_create(0)::text", "read-only transaction"),
        ("jsonb_array_elements('[1, 2]')", "more than one row"),
        ("42", "cannot cast"),
        ("'{no json'", "invalid input syntax"),
        ("", "syntax error"),
        ("nobody", "nobody"),
        ("event->%s", "column"),
    ],
)
def test_an_edit_that_is_none_changes_nothing_and_says_why(
    desk: CommandLine, log_database_url: str, edit: str, said: str
) -> None:
    bury(log_database_url, [event(1), event(2)])
    before = left(log_database_url)
    failed = desk("log", "redrive", "--all", "--edit", edit)
    assert failed.exit_code == 1
    assert said in failed.stderr
    assert (left(log_database_url), logged(log_database_url)) == (before, [])


def test_an_edit_that_fits_some_leaves_the_others(desk: CommandLine, log_database_url: str) -> None:
    one = event(1)
    bury(log_database_url, [one, b'{"recipient_id": "x"}', b"[]", b'"\\u0000"', b"1e999999", b"[" * 900 + b"]" * 900])
    edit = "CASE WHEN (event->>'recipient_id')::int = 1 THEN event END -- only the first"
    assert desk("log", "redrive", "--all", "--edit", edit).exit_code == 0
    assert logged(log_database_url) == ["1"]
    reasons = [reason for *_, reason in left(log_database_url)]
    assert [offset for offset, *_ in left(log_database_url)] == [1, 2, 3, 4, 5]
    assert "invalid input syntax for type integer" in reasons[0]
    assert reasons[1] == "the edit gives NULL"
    assert all("edit" in reason for reason in reasons)


@pytest.mark.parametrize("words", [[], ["--all", "--since", "2d"], ["nonsense"], ["--all", "--edit", "a\0b"]])
def test_what_is_not_meant_is_not_done(desk: CommandLine, words: list[str]) -> None:
    assert desk("log", "redrive", *words).exit_code == 2


def test_a_database_that_is_older_is_told_apart(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url)
    failed = newar("log", "redrive", "--all")
    assert (failed.exit_code, "newar migrate" in failed.stderr) == (1, True)
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'runs'").fetchall() == [(0,)]
