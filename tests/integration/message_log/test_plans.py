"""How each question is answered: from one end of an index, without a scan and without sorting more than a page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from ops.message_log import statements
from ops.message_log.question import question
from ops.message_log.statements import RunFigure, sql
from sender.runs.databases.database import statement
from tests.integration.message_log.conftest import FilledLog

LIMIT = 101
PAGE = "104500000000000"
QUESTIONS = [
    {"recipient": "7000000000000007"},
    {"recipient": "7000000000000007", "page": PAGE},
    {"message": "m_of_nobody"},
    {"run": "BIG"},
    {"run": "BIG", "outcome": "sent"},
    {"run": "BIG", "outcome": "failed"},
    {"run": "BIG", "class": "recipient_permanent"},
    {"run": "BIG", "outcome": "sent", "code": "551"},
    {"run": "SMALL"},
    {"failures": "1", "run": "BIG"},
    {"failures": "1", "run": "BIG", "class": "recipient_window"},
    {"failures": "1", "run": "BIG", "code": "551"},
    {"failures": "1", "page": PAGE},
    {"failures": "1", "page": PAGE, "code": "551"},
    {"failures": "1"},
    {"failures": "1", "code": "551"},
    {"failures": "1", "code": "77"},
    {"page": PAGE},
    {"page": PAGE, "from": "DAYT09Z", "to": "DAYT10Z"},
    {"page": "of nobody"},
]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def explain(log: FilledLog, text: str, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a statement; return the nodes of its plan that were at work."""
    with psycopg.connect(log.url, autocommit=True, prepare_threshold=None) as connection:
        found = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}".encode(), params).fetchone()
    assert found
    [plan] = json.loads(found[0]) if isinstance(found[0], str) else found[0]
    return [node for node in nodes(plan["Plan"]) if node["Actual Loops"]]


def looked_at(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(rows * node["Actual Loops"])


def of_log(log: FilledLog, filters: dict[str, str]) -> tuple[str, dict[str, Any]]:
    names = {
        "BIG": f"{log.newer:%Y%m%d}-0-0",
        "SMALL": f"{log.newer:%Y%m%d}-300-2",
        "DAYT09Z": f"{log.newer}T09Z",
        "DAYT10Z": f"{log.newer}T10Z",
    }
    asked = question({name: names.get(text, text) for name, text in filters.items()})
    if not asked.by_figures:
        return statements.rows(asked, LIMIT, log.ask(sql("until"))[0]["until"])
    figures = [RunFigure(**row) for row in log.ask(sql("run_figures"), {"run": asked.run})]
    found = statements.rows_of_run(asked, figures, LIMIT, LIMIT)
    return found or ("SELECT 1", {})


def assert_a_page_is_read(at_work: list[dict[str, Any]]) -> None:
    """No scan, and of each list that is put together no more rows than a page has."""
    scans = [node for node in at_work if node["Node Type"] == "Seq Scan" and looked_at(node)]
    assert [node["Relation Name"] for node in scans] == []
    lists = max(1, sum(node["Node Type"] == "Limit" for node in at_work))
    rows = [node for node in at_work if "Scan" in node["Node Type"] and node.get("Relation Name")]
    assert sum(looked_at(node) for node in rows) <= (LIMIT + 10) * lists
    assert all(node["Actual Rows"] <= LIMIT * lists for node in at_work if "Sort" in node["Node Type"])


@pytest.mark.parametrize("place", ["", "DAYT04:00Z", "DAYT12:00Z"], ids=["newest", "deep in the list", "in mid-list"])
@pytest.mark.parametrize("filters", QUESTIONS, ids=lambda filters: " ".join(f"{k}={v}" for k, v in filters.items()))
def test_no_question_scans_the_log_or_sorts_more_than_a_page(
    filled_log: FilledLog, filters: dict[str, str], place: str
) -> None:
    at = place.replace("DAY", str(filled_log.newer))
    after = {"after": f"{at}_00000000-0000-0000-0000-000000000000"} if at else {}
    assert_a_page_is_read(explain(filled_log, *of_log(filled_log, {**filters, **after})))


@pytest.mark.parametrize("filters", [{}, {"code": "551"}])
def test_failures_of_some_pages_are_read_by_index(filled_log: FilledLog, filters: dict[str, str]) -> None:
    pages = frozenset({PAGE, "104500000000001", "of nobody"})
    asked = msgspec.structs.replace(question({"failures": "1", **filters}), pages=pages)
    until = filled_log.ask(sql("until"))[0]["until"]
    assert_a_page_is_read(explain(filled_log, *statements.rows(asked, LIMIT, until)))


def test_a_run_of_which_no_statistics_know_is_read_by_index(filled_log: FilledLog) -> None:
    """It began after the last ANALYZE; what the planner expects of it is nearly nothing."""
    with psycopg.connect(filled_log.url) as connection:
        connection.execute(
            "INSERT INTO message_logs (event_id, run_id, page_id, recipient_id, attempt, outcome, sender_id, sent_at)"
            " SELECT gen_random_uuid(), 'late', 'late', n::text, 1, 'sent', 's', %s::timestamptz + n * interval '1 s'"
            " FROM generate_series(1, 5000) n",
            [f"{filled_log.newer}T09:00Z"],
        )
        connection.execute(
            "INSERT INTO run_figures SELECT 'late', 'sent', '', 5000, min(sent_at), max(sent_at) FROM message_logs"
            " WHERE run_id = 'late'"
        )
    for filters in ({"run": "late"}, {"page": "late"}, {"run": "late", "outcome": "sent"}):
        assert_a_page_is_read(explain(filled_log, *of_log(filled_log, filters)))


def test_a_run_is_looked_for_on_its_own_days_only(filled_log: FilledLog) -> None:
    at_work = explain(filled_log, *of_log(filled_log, {"run": "BIG"}))
    assert {node["Relation Name"] for node in at_work if "Relation Name" in node} == {
        f"message_logs_{filled_log.newer:%Y%m%d}"
    }


@pytest.mark.parametrize("name", ["standing", "chosen"])
def test_people_of_a_run_are_looked_up_by_index(filled_log: FilledLog, name: str) -> None:
    run = f"{filled_log.newer:%Y%m%d}-0-0"
    params = {
        "run_id": run,
        "recipient_ids": [str(7000000000000000 + n) for n in range(500)],
        "since": f"{filled_log.newer}T00:00Z",
        "family": [run],
        "parent": run,
        "outcomes": ["failed"],
        "classes": ["transient"],
    }
    at_work = explain(filled_log, statement(name).as_string(), params)
    rows = [node for node in at_work if str(node.get("Relation Name", "")).startswith("message_logs")]
    assert not [node for node in rows if node["Node Type"] == "Seq Scan" and looked_at(node)]
    assert 0 < sum(looked_at(node) for node in rows) <= 500 * 4


def test_what_the_log_has_of_a_run_is_told_without_its_rows(filled_log: FilledLog) -> None:
    run = f"{filled_log.newer:%Y%m%d}-0-0"
    for text, params in (
        (statement("logged").as_string(), {"run_id": run}),
        (statement("retry_logged", room="by_hand").as_string(), {"run_ids": [run]}),
        (statement("retry_figures", room="by_hand").as_string(), {"run_id": run}),
    ):
        tables = {str(node.get("Relation Name")) for node in explain(filled_log, text, params)}
        assert "run_figures" in tables
        assert not [name for name in tables if name.startswith("message_logs")]
