"""`newar suppression`: the deny list and those who cannot be reached, by hand."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest
import redis

from schema.job import person_hash
from schema.keys import key
from tests.integration.commands.servers import sql
from tests.unit.command_line import CommandLine
from tests.unit.runs.by_hand.files.tables.sheets import save_sheet


@pytest.fixture
def queue(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


def listed(desk: CommandLine, *options: str) -> list[tuple[str, str, str]]:
    found = json.loads(desk("suppression", "list", "--json", *options).stdout)["suppressions"]
    return [(s["page_id"], s["recipient_id"], s["reason"]) for s in found]


def gone(url: str, *people: str) -> None:
    for person in people:
        values = f"'7', '{person}', 'recipient_gone', now(), 'r', 'ingest'"
        sql(url, f"INSERT INTO suppressions VALUES ({values})")  # noqa: S608


def acts(queue: redis.Redis) -> list[tuple[str, str, str]]:
    entries: Any = queue.xrange(key("audit"))
    return [(e[b"what"].decode(), e[b"target"].decode(), e[b"detail"].decode()) for _, e in entries]


def test_who_is_added_is_denied_in_the_list_and_in_the_queue_and_it_is_noted(
    desk: CommandLine, queue: redis.Redis
) -> None:
    assert json.loads(desk("suppression", "add", "7", "1", "2", "--note", "asked us", "--json").stdout) == {
        "denied": 2,
        "changed": 2,
    }
    assert listed(desk) == [("7", "1", "denied"), ("7", "2", "denied")]
    assert set(queue.zrange(key("denied:7"), 0, -1)) == {person_hash("1"), person_hash("2")}
    assert queue.hget(key("page:7"), "denied") == b"1"
    again = desk("suppression", "add", "7", "2", "3")
    assert again.stdout == "denied: 2 people, 1 of the entries are new or have a new note\n"
    assert acts(queue) == [
        ("suppression add", "7", "2 people, the first 1"),
        ("suppression add", "7", "2 people, the first 2"),
    ]
    assert "asked us" in desk("suppression", "list").stdout


def test_what_is_removed_is_lifted_in_both_places(desk: CommandLine, queue: redis.Redis, log_database_url: str) -> None:
    gone(log_database_url, "1", "2")
    desk("suppression", "add", "7", "1")
    assert desk("suppression", "remove", "7", "1", "--reason", "denied").exit_code == 0
    assert listed(desk) == [("7", "1", "recipient_gone"), ("7", "2", "recipient_gone")]
    assert queue.exists(key("denied:7")) == 0
    desk("suppression", "add", "7", "1")
    assert desk("suppression", "remove", "7", "1", "2").stdout.splitlines() == [
        "page 7: 1 is no longer left out (denied)",
        "page 7: 1 is no longer left out (recipient_gone)",
        "page 7: 2 is no longer left out (recipient_gone)",
    ]
    assert (listed(desk), queue.exists(key("denied:7"))) == ([], 0)
    assert [what for what, *_ in acts(queue)] == [f"suppression {act}" for act in ("add", "remove", "add", "remove")]
    nobody = desk("suppression", "remove", "7", "1")
    assert (nobody.exit_code, "newar suppression list" in nobody.stderr) == (1, True)


def test_somebody_gone_is_lifted_with_an_entry_that_says_so(
    desk: CommandLine, queue: redis.Redis, log_database_url: str
) -> None:
    gone(log_database_url, "1")
    desk("suppression", "add", "7", "1")
    assert desk("suppression", "remove", "7", "1", "--reason", "recipient_gone").exit_code == 0
    assert listed(desk) == [("7", "1", "denied")]
    assert (queue.zcard(key("denied:7")), len(acts(queue))) == (1, 2)


def test_a_file_is_imported_whole_or_not_at_all(desk: CommandLine, queue: redis.Redis) -> None:
    bad = desk.file("bad.csv", "recipient_id,note\n1,\nann,\n2,\nbob,\n")
    refused = desk("suppression", "import", bad, "--page", "7")
    assert refused.exit_code == 1
    assert [line.partition(": rec")[0] for line in refused.stderr.splitlines()] == ["newar: line 3", "newar: line 5"]
    assert (listed(desk), queue.keys("*")) == ([], [])
    people = "".join(f"{page},{person}\n" for page in (7, 8) for person in (1, 2, 1))
    done = desk("suppression", "import", "-", "--json", stdin=f"page_id,recipient_id\n{people}")
    assert json.loads(done.stdout) == {"denied": 4, "changed": 4}
    assert listed(desk) == [(page, person, "denied") for page in "78" for person in "12"]
    assert queue.zcard(key("denied:8")) == 2


def test_a_file_of_a_spreadsheet_is_imported_from_standard_input_too(desk: CommandLine) -> None:
    people = "Recipient ID;note;\r\n'7000000000000001;asked us;\r\n;;\r\n"
    (desk.folder / "people.csv").write_text(people, "utf-16", newline="")
    save_sheet(desk.folder / "people.xlsx", [["recipient_id"], ["7000000000000002"]])
    for name in ("people.csv", "people.xlsx"):
        assert desk("suppression", "import", name, "--page", "7").exit_code == 0
    assert desk("suppression", "import", "-", "--page", "8", stdin=people).exit_code == 0
    assert listed(desk) == [
        ("7", "7000000000000001", "denied"),
        ("7", "7000000000000002", "denied"),
        ("8", "7000000000000001", "denied"),
    ]
    assert desk("suppression", "import", "nowhere.csv", "--page", "7").exit_code == 2


def test_what_is_exported_can_be_imported(desk: CommandLine, log_database_url: str) -> None:
    gone(log_database_url, "9")
    desk("suppression", "add", "7", "1", "--note", 'a "note", with all')
    text = desk("suppression", "export").stdout
    rows = list(csv.DictReader(StringIO(text)))
    assert [(r["recipient_id"], r["reason"], r["note"], r["confirmed"]) for r in rows] == [
        ("1", "denied", 'a "note", with all', "true"),
        ("9", "recipient_gone", "", "true"),
    ]
    denied = desk("suppression", "export", "--reason", "denied").stdout
    desk("suppression", "remove", "7", "1")
    assert desk("suppression", "import", "-", stdin=denied).exit_code == 0
    assert listed(desk, "--reason", "denied") == [("7", "1", "denied")]
    assert json.loads(desk("suppression", "export", "--json", "--person", "9").stdout)["reason"] == "recipient_gone"


def test_the_list_goes_on_where_it_ended(desk: CommandLine) -> None:
    desk("suppression", "add", "7", *(str(n) for n in range(10, 15)))
    shown = desk("suppression", "list", "--limit", "3").stdout.splitlines()
    assert shown[-1].startswith("More follow: --after ")
    assert listed(desk, "--after", shown[-1].split()[-1]) == [("7", "13", "denied"), ("7", "14", "denied")]
    wrong = desk("suppression", "list", "--after", "x")
    assert (wrong.exit_code, "the last line of a former list" in wrong.stderr) == (2, True)


def test_without_redis_the_list_is_changed_and_it_says_what_to_do(desk: CommandLine) -> None:
    desk.set(REDIS_URL="redis://127.0.0.1:1")
    failed = desk("suppression", "add", "7", "1")
    assert failed.exit_code == 1
    assert "give the command again when Redis answers" in failed.stderr
    assert listed(desk) == [("7", "1", "denied")]


def test_people_that_are_none_are_refused(desk: CommandLine) -> None:
    refused = desk("suppression", "add", "page", "ann", "1")
    assert refused.exit_code == 1
    assert refused.stderr.count("page_id 'page' is not a page's number: write digits only") == 2
    assert "recipient_id 'ann' is not a person's id (PSID): write digits only" in refused.stderr
    assert listed(desk) == []
