"""A response is judged for each of the jobs that it answers."""

from __future__ import annotations

import json
from typing import Any

from schema.job import Job, encode_record, job_id
from schema.outcomes import ErrorClass, Outcome
from sender.delivery.judgement import Judgement, judge
from sender.graph.http.response import Response
from sender.queue.claimed_job import ClaimedJob

SENT = {"recipient_id": "7", "message_id": "m_1"}
GONE = {"error": {"code": 551, "message": "not available", "type": "OAuthException"}}
BAD_TOKEN = {"error": {"code": 190, "message": "expired", "type": "OAuthException"}}


def _jobs(count: int) -> list[ClaimedJob]:
    records = [encode_record(job_id("r", str(n)), Job(str(n))) for n in range(count)]
    return [ClaimedJob.of_record(record, run_id="r", page_id="100", session="s") for record in records]


def _judged(status: int, body: Any, count: int, *, batched: bool) -> Judgement:
    response = Response(status, [(b"Content-Type", b"application/json")], json.dumps(body).encode())
    return judge(response, _jobs(count), batched=batched, on_unknown="hold", page_level=0, app_level=0)


def test_a_single_message_has_one_answer_and_what_follows_from_it() -> None:
    judgement = _judged(200, SENT, 1, batched=False)
    assert [answer.message_id for answer in judgement.answers] == ["m_1"]
    assert [decision.outcome for decision in judgement.decisions] == [Outcome.SENT]
    assert not judgement.whole


def test_members_of_a_batch_fare_differently_in_their_order() -> None:
    members = [{"code": 200, "body": json.dumps(SENT)}, {"code": 400, "body": json.dumps(GONE)}, None]
    judgement = _judged(200, members, 3, batched=True)
    assert [d.outcome for d in judgement.decisions] == [Outcome.SENT, Outcome.FAILED, Outcome.UNKNOWN]
    assert [a.code for a in judgement.answers] == [None, 551, None]
    assert not judgement.whole


def test_a_batch_refused_as_a_whole_is_one_answer_for_all() -> None:
    judgement = _judged(400, BAD_TOKEN, 3, batched=True)
    assert [a.error_class for a in judgement.answers] == [ErrorClass.AUTH_PAGE] * 3
    assert [d.outcome for d in judgement.decisions] == [Outcome.RETRYING] * 3
    assert judgement.whole


def test_usage_in_the_headers_of_a_response_is_read() -> None:
    headers = [(b"X-App-Usage", b'{"call_count":100}')]
    response = Response(200, headers, json.dumps(SENT).encode())
    judgement = judge(response, _jobs(1), batched=False, on_unknown="hold", page_level=0, app_level=0)
    assert judgement.decisions[0].pause is not None
