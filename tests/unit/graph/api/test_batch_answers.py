"""What the answer to a batch means for each of its members."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer, classify_member, oddities, split_batch
from sender.graph.api.usage import Usage
from tests.unit.graph.api.responses import RECORDS, body_of, error, headers, headers_of

E = ErrorClass
NO_HEADERS = headers({})


def _classes(name: str) -> list[str]:
    record = RECORDS[name]
    answers = split_batch(record["status"], headers_of(record), body_of(record), len(record["body"]))
    assert isinstance(answers, list)
    return [answer.error_class or "sent" for answer in answers]


def test_members_are_judged_one_by_one_in_order() -> None:
    assert _classes("batch_all_ok") == ["sent"] * 3
    assert _classes("batch_all_ok_include_headers_false") == ["sent"] * 2
    assert _classes("batch_mixed_window_and_rate") == ["sent", E.RECIPIENT_WINDOW, E.RATE_LIMIT_PAGE]
    assert _classes("batch_null_members") == ["sent", E.AMBIGUOUS, E.AMBIGUOUS]


def test_message_ids_stay_with_their_members() -> None:
    record = RECORDS["batch_all_ok"]
    answers = split_batch(200, NO_HEADERS, body_of(record), 3)
    assert isinstance(answers, list)
    assert [a.message_id for a in answers] == ["m_FAKEbatch01", "m_FAKEbatch02", "m_FAKEbatch03"]


@pytest.mark.parametrize("name", ["batch_rejected_whole_top_level_token", "batch_rejected_too_many"])
def test_an_outer_refusal_is_one_answer_for_all(name: str) -> None:
    record = RECORDS[name]
    answer = split_batch(record["status"], headers_of(record), body_of(record), 50)
    assert isinstance(answer, Answer)
    assert answer.error_class == record["class"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (502, b"<html>"),
        (200, b"{}"),
        (200, b'{"message_id":"m_1"}'),
        (200, b'[{"code":200,"body":"{}"},'),
        (200, b"null"),
        (200, b"[" * 100_000),
        (500, error(1, 1357046)),
        (200, b"[]"),
        (200, b'[{"code":200,"body":"{\\"message_id\\":\\"m_1\\"}"}]'),
        (200, b"[null,null,null]"),
    ],
)
def test_an_answer_that_does_not_fit_makes_every_member_ambiguous(status: int, body: bytes) -> None:
    answers = split_batch(status, NO_HEADERS, body, 2)
    assert isinstance(answers, list)
    assert [(a.error_class, a.message_id) for a in answers] == [(E.AMBIGUOUS, None)] * 2


@pytest.mark.parametrize(
    "member",
    [
        None,
        7,
        "text",
        {},
        {"code": 200},
        {"code": 200, "body": None},
        {"code": 200, "body": {"message_id": "m_1"}},
        {"code": 200, "body": '{"message_id":'},
        {"code": "200", "body": '{"message_id":"m_1"}'},
        {"code": 500, "body": '{"message_id":"m_1"}'},
    ],
)
def test_a_member_that_cannot_be_understood_is_ambiguous_and_the_others_count(member: Any) -> None:
    good = {"code": 200, "body": '{"message_id":"m_2"}'}
    answers = split_batch(200, NO_HEADERS, json.dumps([member, good]).encode(), 2)
    assert isinstance(answers, list)
    assert [(a.error_class, a.message_id) for a in answers] == [(E.AMBIGUOUS, None), (None, "m_2")]


def test_each_member_has_the_worse_of_the_outer_usage_and_its_own() -> None:
    own = [
        {"name": "X-App-Usage", "value": '{"call_count":7}'},
        {"name": "X-Page-Usage", "value": '{"call_count":60}'},
        {"name": "Retry-After", "value": "5"},
    ]
    accepted = {"code": 200, "body": '{"message_id":"m_1"}', "headers": []}
    refused = {"code": 400, "body": error(613).decode(), "headers": own}
    outer = headers({"x-app-usage": '{"call_count":95}'})
    answers = split_batch(200, outer, json.dumps([accepted, refused]).encode(), 2)
    assert isinstance(answers, list)
    assert [a.usage for a in answers] == [
        Usage(app_percent=95),
        Usage(app_percent=95, page_percent=60, retry_after_s=5),
    ]


def test_what_is_odd_in_a_batch_is_counted_once() -> None:
    own = [{"name": "X-App-Usage", "value": "?"}]
    accepted = {"code": 200, "body": '{"message_id":"m_1"}', "headers": own}
    unknown = {"code": 400, "body": error(987654).decode(), "headers": []}
    outer = headers({"x-app-usage": "?", "x-page-usage": "?"})
    answers = split_batch(200, outer, json.dumps([unknown, accepted, unknown]).encode(), 3)
    assert isinstance(answers, list)
    assert oddities(answers) == (3, 2)
    lost = split_batch(502, outer, b"<html>", 3)
    assert isinstance(lost, list)
    assert oddities(lost) == (2, 0)
    refused = split_batch(400, outer, error(987654), 3)
    assert isinstance(refused, Answer)
    assert oddities([refused] * 3) == (2, 3)
    assert oddities([]) == (0, 0)


@pytest.mark.parametrize("rubbish", [7, [{"name": "x-app-usage"}], {"x-app-usage": "{}"}, ["x-app-usage"]])
def test_rubbish_among_a_members_headers_is_passed_over(rubbish: Any) -> None:
    member = json.dumps({"code": 200, "body": '{"message_id":"m_1"}', "headers": rubbish}).encode()
    assert classify_member(member) == Answer(error_class=None, http_status=200, message_id="m_1")


def test_one_header_that_is_none_hides_no_other() -> None:
    own = [{"name": 7}, {"name": "X-App-Usage", "value": '{"call_count":7}'}, "x-page-usage"]
    member = json.dumps({"code": 200, "body": '{"message_id":"m_1"}', "headers": own}).encode()
    assert classify_member(member).usage == Usage(app_percent=7)


@given(st.binary(), st.integers(1, 50))
def test_no_answer_to_a_batch_raises_or_is_accepted_by_chance(body: bytes, size: int) -> None:
    answers = split_batch(200, NO_HEADERS, body, size)
    assert isinstance(answers, list)
    assert [a.error_class for a in answers] == [E.AMBIGUOUS] * size


@given(st.binary() | st.text().map(lambda text: json.dumps({"code": 200, "body": text}).encode()))
def test_no_member_raises_or_is_accepted_by_chance(member: bytes) -> None:
    assert classify_member(member).error_class is E.AMBIGUOUS
