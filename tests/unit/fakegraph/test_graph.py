"""What a request is answered and what of it is recorded, without sockets and with a clock of our own."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from ops.fakegraph.answer_texts import Ending
from ops.fakegraph.graph import Graph, Reply
from ops.fakegraph.ledger import Accepted
from ops.fakegraph.mix import drawable
from ops.fakegraph.options import FakeGraphOptions
from ops.fakegraph.requests import Request

TOKEN = "EAAB"
SEND = {"recipient": {"id": "7000000000000009"}, "message": {"text": "Hi", "metadata": "j=0f;a=1"}}


def request(
    url: str = "/v26.0/100/messages", body: object = SEND, token: str = TOKEN, *, reused: bool = False
) -> Request:
    authorization = f"Bearer {token}".encode() if token else b""
    return Request(b"POST", url.encode(), authorization, b"application/json", json.dumps(body).encode(), reused)


def member(recipient_id: str = "7", page: str = "100", **fields: str) -> dict[str, str]:
    form = {"recipient": json.dumps({"id": recipient_id}), "message": '{"text":"Hi","metadata":"j=0f;a=1"}'}
    return {"method": "POST", "relative_url": f"{page}/messages", "body": urlencode(form | fields)}


def batch(*members: dict[str, str], **fields: object) -> Request:
    return request("/v26.0/", {"batch": list(members), **fields})


def body_of(reply: Reply) -> Any:
    return json.loads(reply.data.partition(b"\r\n\r\n")[2])


def status_of(reply: Reply) -> int:
    return int(reply.data.split(b" ", 2)[1])


def graph_with(*upcoming: str, **options: Any) -> Graph:
    graph = Graph(FakeGraphOptions(seed=1, **options))
    graph.mix.upcoming.extend(drawable(graph.catalogue, upcoming))
    return graph


def accepted(graph: Graph) -> list[Accepted]:
    return [message for messages in graph.ledger.slices() for message in messages]


def test_a_success_names_the_recipient_and_a_new_message_id() -> None:
    graph = graph_with()
    first, second = (body_of(graph.reply(request())) for _ in range(2))
    assert first["recipient_id"] == second["recipient_id"] == "7000000000000009"
    assert first["message_id"] != second["message_id"]


def test_the_usage_header_is_keyed_by_the_page_that_sends() -> None:
    graph = graph_with("send_ok", "rate_613_regain_10_min")
    for _ in range(2):
        assert b'x-business-use-case-usage: {"100":' in graph.reply(request()).data


@pytest.mark.parametrize(
    ("url", "token", "body", "name"),
    [
        ("/v27.0/100/messages", "EAAB", SEND, "api_version_unknown_2500"),
        ("/v26.0/100/photos", "EAAB", SEND, "api_version_unknown_2500"),
        ("/v26.0/100/messages", "", SEND, "token_missing_2500"),
        ("/v26.0/100/messages", "dead-1", SEND, "token_invalid_190"),
        ("/v26.0/100/messages", "EAAB", {"recipient": {"id": "7"}}, "bad_payload_no_message_2018015"),
        ("/v26.0/100/messages", "EAAB", SEND | {"recipient": {"id": "Ann"}}, "bad_recipient_id_form"),
        ("/v26.0/100/messages", "EAAB", [], "bad_payload_no_message_2018015"),
    ],
)
def test_what_cannot_go_out_is_refused_by_name(url: str, token: str, body: object, name: str) -> None:
    graph = graph_with()
    reply = graph.reply(request(url, body, token))
    assert body_of(reply) == json.loads(graph.catalogue[name].body)
    assert dict(graph.answers) == {name: 1}
    assert len(graph.ledger) == 0


@pytest.mark.parametrize("url", ["/v26.0/100/messages?access_token=EAAB", "/v26.0/100/messages"])
def test_a_token_may_stand_in_the_query_or_in_the_body(url: str) -> None:
    body = SEND if "?" in url else SEND | {"access_token": "EAAB"}
    assert status_of(graph_with().reply(request(url, body, token=""))) == 200


@pytest.mark.parametrize(
    "name", ["ambiguous_1_1357046_sent_anyway", "html_with_status_200", "truncated_json_200", "slow_answer"]
)
def test_a_message_may_be_accepted_whatever_is_answered(name: str) -> None:
    graph = graph_with(name)
    graph.reply(request())
    assert len(graph.ledger) == 1


def test_a_front_end_failure_hides_about_half_of_the_accepted_messages() -> None:
    graph = graph_with(errors={"html_502": 1.0})
    for _ in range(1000):
        assert status_of(graph.reply(request())) == 502
    assert 450 < len(graph.ledger) < 550


@pytest.mark.parametrize(
    ("name", "ending", "recorded"),
    [
        ("fault_read_timeout_after_full_request", Ending.SILENCE, 1),
        ("fault_reset_after_full_request", Ending.RESET, 1),
        ("fault_close_idle_keepalive", Ending.CLOSE, 0),
    ],
)
def test_transport_faults_say_nothing(name: str, ending: Ending, recorded: int) -> None:
    graph = graph_with(name)
    assert graph.reply(request(reused=True)) == Reply(b"", ending, 0.0)
    assert len(graph.ledger) == recorded


def test_a_fresh_connection_is_never_closed_as_idle() -> None:
    assert status_of(graph_with("fault_close_idle_keepalive").reply(request(reused=False))) == 200


def test_a_slow_answer_waits_on_top_of_the_latency() -> None:
    graph = graph_with("slow_answer", latency_ms=100, slow_answer_ms=2000)
    assert [graph.reply(request()).delay_s for _ in range(2)] == [2.1, 0.1]


def test_a_page_beyond_its_limit_gets_613_until_its_bucket_refills() -> None:
    now_s = 1000.0
    graph = Graph(FakeGraphOptions(page_limit=2), clock=lambda: now_s)
    assert [status_of(graph.reply(request())) for _ in range(3)] == [200, 200, 400]
    assert status_of(graph.reply(request("/v26.0/200/messages"))) == 200
    now_s += 0.5
    assert [status_of(graph.reply(request())) for _ in range(2)] == [200, 400]
    assert graph.answers["rate_613_plain"] == 2


def test_the_ledger_holds_what_the_sender_wrote() -> None:
    graph = graph_with()
    message_id = body_of(graph.reply(request()))["message_id"]
    (message,) = accepted(graph)
    assert (message.page_id, message.recipient_id, message.metadata) == ("100", "7000000000000009", "j=0f;a=1")
    assert (message.message_id, message.answer) == (message_id, "send_ok")


def test_members_are_answered_in_order_each_by_itself() -> None:
    graph = graph_with("window_closed_2018278")
    members = [member("7"), member("8"), member("Ann"), member("9", access_token="dead-1"), member("10", "x")]
    answers = body_of(graph.reply(batch(*members)))
    assert [answer["code"] for answer in answers] == [400, 200, 400, 400, 400]
    bodies = [json.loads(answer["body"]) for answer in answers]
    assert bodies[1]["recipient_id"] == "8"
    assert [body["error"]["code"] for body in bodies if "error" in body] == [10, 100, 190, 2500]
    assert answers[0]["headers"][0]["name"] == "WWW-Authenticate"
    assert (graph.requests, len(graph.ledger)) == (1, 1)


def test_members_come_without_headers_when_asked() -> None:
    answers = body_of(graph_with("rate_613_plain").reply(batch(member(), member(), include_headers=False)))
    assert [sorted(answer) for answer in answers] == [["body", "code"]] * 2


def test_an_unfinished_member_is_null() -> None:
    assert body_of(graph_with("null_member").reply(batch(member(), member())))[0] is None


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        (batch(*[member()] * 51), "batch_rejected_too_many"),
        (request("/", {"batch": [member()]}, token=""), "token_missing_2500"),
        (request("/", {"batch": [member()]}, token="dead-1"), "batch_rejected_whole_top_level_token"),
        (request("/", {"batch": "[{]"}), "bad_payload_no_message_2018015"),
        (request("/v27.0/", {"batch": [member()]}), "api_version_unknown_2500"),
    ],
)
def test_a_refused_batch_sends_to_nobody(sent: Request, name: str) -> None:
    graph = graph_with()
    assert body_of(graph.reply(sent)) == json.loads(graph.catalogue[name].body)
    assert len(graph.ledger) == 0


def test_a_batch_of_fifty_is_carried_out() -> None:
    graph = graph_with()
    assert len(body_of(graph.reply(batch(*[member(str(number)) for number in range(50)])))) == 50
    assert len(graph.ledger) == 50


def test_a_batch_whose_answer_is_lost_was_still_carried_out() -> None:
    graph = graph_with("fault_reset_after_full_request")
    reply = graph.reply(batch(member("7"), member("8"), member("Ann")))
    assert reply == Reply(b"", Ending.RESET, 0.0)
    assert len(graph.ledger) == 2
    assert dict(graph.answers) == {"fault_reset_after_full_request": 1}


def test_a_reset_forgets_everything_but_the_settings() -> None:
    graph = graph_with("html_502", "html_502", page_limit=5)
    graph.reply(request())
    graph.reset()
    assert (graph.requests, len(graph.ledger), dict(graph.answers), graph.page_limit) == (0, 0, {}, 5)
    assert status_of(graph.reply(request())) == 200
