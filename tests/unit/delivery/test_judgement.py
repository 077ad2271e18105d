"""A response is judged for each of the jobs that it answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schema.job import Job, encode_record, job_id
from schema.outcomes import ErrorClass, Outcome
from schema.run import Run
from sender.delivery.after_answer import OnUnknown
from sender.delivery.judgement import Judgement, judge
from sender.delivery.run_contexts import RunContext
from sender.graph.api.request import RequestFactory
from sender.graph.http.response import Response
from sender.message.template import MessageTemplate
from sender.queue.claimed_job import ClaimedJob
from tests.unit.delivery.endings import RULES, names_in, verdict

SENT = {"recipient_id": "0", "message_id": "m_1"}
GONE = {"error": {"code": 551, "message": "not available", "type": "OAuthException"}}
BAD_TOKEN = {"error": {"code": 190, "message": "expired", "type": "OAuthException"}}
TOKEN_VERSION = 7


def _context(on_unknown: OnUnknown = "hold") -> RunContext:
    run = Run(run_id="r", page_id="100", message={"text": "hi"}, expires_at_ms=1, on_unknown=on_unknown)
    template = MessageTemplate(run.message)
    factory = RequestFactory(run, template, url="http://g", version="v26.0", token="t", app_secret=None)
    return RunContext(run, factory, TOKEN_VERSION)


def _jobs(count: int) -> list[ClaimedJob]:
    records = [encode_record(job_id("r", str(n)), Job(str(n))) for n in range(count)]
    return [ClaimedJob.of_record(record, run_id="r", page_id="100", session="s") for record in records]


def _judged(
    status: int, body: Any, count: int, *, batched: bool, on_unknown: OnUnknown = "hold", usage: bytes = b"{}"
) -> Judgement:
    headers = [(b"Content-Type", b"application/json"), (b"X-App-Usage", usage)]
    response = Response(status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())
    return judge(response, _jobs(count), _context(on_unknown), RULES, batched=batched)


def test_a_single_message_has_one_answer_and_what_follows_from_it() -> None:
    judgement = _judged(200, SENT, 1, batched=False)
    assert [answer.message_id for answer in judgement.answers] == ["m_1"]
    assert [(e.outcome, e.letter) for e in judgement.endings] == [(Outcome.SENT, "o")]


def test_members_of_a_batch_fare_differently_in_their_order() -> None:
    members = [{"code": 200, "body": json.dumps(SENT)}, {"code": 400, "body": json.dumps(GONE)}, None]
    judgement = _judged(200, members, 3, batched=True)
    assert [e.outcome for e in judgement.endings] == [Outcome.SENT, Outcome.FAILED, Outcome.UNKNOWN]
    assert [e.letter for e in judgement.endings] == ["o", "g", "u"]
    assert [a.code for a in judgement.answers] == [None, 551, None]


def test_a_batch_refused_as_a_whole_is_one_answer_for_all() -> None:
    judgement = _judged(400, BAD_TOKEN, 3, batched=True)
    assert [a.error_class for a in judgement.answers] == [ErrorClass.AUTH_PAGE] * 3
    assert [e.outcome for e in judgement.endings] == [Outcome.RETRYING] * 3
    assert [e.letter for e in judgement.endings] == ["f", "", ""]
    assert [names_in(e) for e in judgement.endings] == [{"page-not-authorised"}, set(), set()]


@pytest.mark.parametrize("batched", [True, False])
def test_an_answer_that_names_somebody_else_says_nothing_of_the_message(batched: bool) -> None:
    other = SENT | {"recipient_id": "4"}
    members = [{"code": 200, "body": json.dumps(SENT)}, {"code": 200, "body": json.dumps(other)}]
    judgement = _judged(200, members, 2, batched=True) if batched else _judged(200, other, 1, batched=False)
    last = judgement.answers[-1]
    assert (last.error_class, last.message_id, judgement.misplaced) == (ErrorClass.AMBIGUOUS, None, True)
    assert [e.outcome for e in judgement.endings] == [Outcome.SENT] * batched + [Outcome.UNKNOWN]


@pytest.mark.parametrize("names", [{}, {"recipient_id": None}, {"recipient_id": "0"}])
def test_an_answer_may_name_nobody(names: dict[str, Any]) -> None:
    judgement = _judged(200, {"message_id": "m_1"} | names, 1, batched=False)
    assert (judgement.endings[0].outcome, judgement.misplaced) == (Outcome.SENT, False)


@pytest.mark.parametrize("batched", [True, False])
def test_an_unreadable_response_is_judged_as_the_run_says(batched: bool) -> None:
    """Of a batch too: its messages may have arrived, each of them."""
    count = 3 if batched else 1
    policies: list[tuple[OnUnknown, Outcome]] = [("hold", Outcome.UNKNOWN), ("resend", Outcome.RETRYING)]
    for policy, outcome in policies:
        judgement = _judged(502, b"<html>bad gateway", count, batched=batched, on_unknown=policy)
        assert [e.outcome for e in judgement.endings] == [outcome] * count
        assert [e.letter for e in judgement.endings] == ["u"] * count  # the brake counts messages


def test_the_verdict_names_the_token_that_the_request_carried() -> None:
    judgement = _judged(400, BAD_TOKEN, 1, batched=False)
    assert verdict(judgement.endings[0])[1] == str(TOKEN_VERSION)


def test_usage_in_the_headers_of_a_response_is_read() -> None:
    judgement = _judged(200, SENT, 1, batched=False, usage=b'{"call_count":100}')
    assert "app-usage-100" in names_in(judgement.endings[0])
