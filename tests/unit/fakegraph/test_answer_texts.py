"""The catalogue: every answer of graph-responses.json, ready to be sent, alone or in a batch."""

import json
from pathlib import Path

import pytest

from ops.fakegraph import answer_texts
from ops.fakegraph.answer_texts import Ending, Scope, load_catalogue
from sender.graph.api.classify import classify

RECORDS = json.loads(Path(answer_texts.__file__).with_name("graph-responses.json").read_text("utf-8"))
CATALOGUE = load_catalogue()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])
def test_an_answer_says_what_the_file_says(record: dict[str, object]) -> None:
    answer = CATALOGUE[str(record["name"])]
    body, status = record["body"], record["status"]
    if status == 0:
        assert answer.head == ""
        return
    assert answer.head.startswith(f"HTTP/1.1 {status} ")
    assert (answer.body if isinstance(body, str) else json.loads(answer.body)) == body
    member = json.loads(answer.member)
    assert (member["code"], member["body"]) == (status, answer.body)
    assert json.loads(answer.bare_member) == {"code": status, "body": answer.body}


def test_a_cut_body_announces_more_than_it_has_and_closes() -> None:
    cut = CATALOGUE["truncated_json_200"]
    assert cut.length == 96 > len(cut.body)
    assert cut.ending is Ending.CLOSE


def test_only_ambiguous_answers_hide_an_accepted_message() -> None:
    hidden = {name: answer.acceptance for name, answer in CATALOGUE.items() if not answer.success}
    assert {name: chance for name, chance in hidden.items() if chance} == {
        "ambiguous_1_1357046_sent_anyway": 1.0,
        "html_502": 0.5,
        "html_503": 0.5,
        "html_with_status_200": 1.0,
        "truncated_json_200": 1.0,
        "fault_read_timeout_after_full_request": 1.0,
        "fault_reset_after_full_request": 1.0,
        "null_member": 0.5,
        "empty_200": 0.5,
    }


def test_a_missing_token_is_code_2500_with_its_own_text() -> None:
    error = json.loads(CATALOGUE["token_missing_2500"].body)["error"]
    assert error["code"] == 2500
    assert error["message"].startswith("An active access token must be used")


def test_there_is_a_code_that_senders_find_in_no_table() -> None:
    answer = CATALOGUE["undescribed_424242"]
    assert classify(400, lambda _name: None, answer.body.encode()).unknown_code
    assert not classify(400, lambda _name: None, CATALOGUE["permission_missing_10"].body.encode()).unknown_code


def test_what_spoils_a_whole_answer_is_not_drawn_for_a_member() -> None:
    whole = {name for name, answer in CATALOGUE.items() if answer.scope is Scope.WHOLE}
    assert {"html_502", "truncated_json_200", "fault_reset_after_full_request", "slow_answer"} <= whole
    assert "window_closed_2018278" not in whole
