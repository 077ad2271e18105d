"""The bytes of a send and of a batch."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.job import Job
from schema.outcomes import ErrorClass
from schema.run import Run
from sender.graph.api.request import RequestFactory, UnfitRequestPart
from sender.graph.http.request_bytes import as_bytes
from sender.message.errors import MissingVariable, NotSendable
from sender.message.template import MessageTemplate

PAGE = "100000000000001"
PSID = "7000000000000001"
TOKEN = "EAAFAKE0123456789"
JOB = bytes(range(16))
MARK = "j=000102030405060708090a0b0c0d0e0f;a=3"
PROOF = hmac.new(b"secret", TOKEN.encode(), hashlib.sha256).hexdigest()


def _requests(message: dict[str, Any], fields: dict[str, Any] | None = None, **parts: Any) -> RequestFactory:
    page_id = parts.pop("page_id", PAGE)
    run = Run(run_id="r", page_id=page_id, message=message, expires_at_ms=0, **(fields or {}))
    where = {"url": "https://graph.facebook.com", "version": "v26.0", "token": TOKEN, "app_secret": None}
    return RequestFactory(run, MessageTemplate(message), **(where | parts))


def _parsed(request: httpx.Request) -> tuple[list[str], dict[str, Any]]:
    head, _, body = as_bytes(request).partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert f"Content-Length: {len(body)}" in lines
    return [line for line in lines if not line.startswith("Content-Length")], json.loads(body)


def _form(member: bytes) -> dict[str, Any]:
    content = json.loads(member)
    assert set(content) == {"method", "relative_url", "body"}
    assert (content["method"], content["relative_url"]) == ("POST", f"{PAGE}/messages")
    fields = parse_qs(content["body"], strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {k: json.loads(v[0]) if k in {"recipient", "message"} else v[0] for k, v in fields.items()}


BOTH = [{"text": "Hi"}, {"text": "{{a|Hi}}"}]
"""The same message for everybody, and one with a placeholder: both ways of making bytes."""


@pytest.mark.parametrize("message", BOTH)
def test_a_send_is_one_complete_http_request(message: dict[str, Any]) -> None:
    lines, body = _parsed(_requests(message).single(JOB, Job(PSID), 3))
    assert lines == [
        f"POST /v26.0/{PAGE}/messages HTTP/1.1",
        "Host: graph.facebook.com",
        f"Authorization: Bearer {TOKEN}",
        "Content-Type: application/json",
    ]
    expected = {"recipient": {"id": PSID}, "messaging_type": "UPDATE", "message": {"text": "Hi", "metadata": MARK}}
    assert body == expected


@pytest.mark.parametrize("message", BOTH)
def test_tag_notification_type_and_proof_go_along_when_set(message: dict[str, Any]) -> None:
    fields = {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT", "notification_type": "SILENT_PUSH"}
    requests = _requests(message, fields=fields, app_secret="secret")
    _, body = _parsed(requests.single(JOB, Job(PSID), 3))
    assert {k: v for k, v in body.items() if k not in {"recipient", "message"}} == fields | {"appsecret_proof": PROOF}
    form = _form(requests.member(JOB, Job(PSID), 3))
    assert {k: v for k, v in form.items() if k not in {"recipient", "message"}} == fields


@pytest.mark.parametrize("message", BOTH)
def test_a_member_says_the_same_as_a_send(message: dict[str, Any]) -> None:
    requests = _requests(message)
    assert _form(requests.member(JOB, Job(PSID), 3)) == _parsed(requests.single(JOB, Job(PSID), 3))[1]


@pytest.mark.parametrize("message", BOTH)
def test_the_runs_own_metadata_follows_ours(message: dict[str, Any]) -> None:
    requests = _requests(message | {"metadata": 'own="1"\u1ed9'})
    expected = f'{MARK};own="1"\u1ed9'
    assert _parsed(requests.single(JOB, Job(PSID), 3))[1]["message"]["metadata"] == expected
    assert _form(requests.member(JOB, Job(PSID), 3))["message"]["metadata"] == expected


def test_own_metadata_may_have_placeholders_and_may_be_empty() -> None:
    _, body = _parsed(_requests({"text": "Hi", "metadata": "{{a}}"}).single(JOB, Job(PSID, {"a": "x"}), 3))
    assert body["message"]["metadata"] == f"{MARK};x"
    _, body = _parsed(_requests({"text": "Hi", "metadata": ""}).single(JOB, Job(PSID), 3))
    assert body["message"]["metadata"] == MARK


def test_filling_leaves_no_trace_for_the_next_recipient() -> None:
    requests = _requests({"text": "Hi {{a}}"})
    first = requests.single(JOB, Job(PSID, {"a": "A"}), 1)
    second = requests.single(JOB, Job("8", {"a": "B"}), 2)
    assert _parsed(first)[1]["message"] == {"text": "Hi A", "metadata": f"{MARK[:-1]}1"}
    assert _parsed(second)[1]["message"] == {"text": "Hi B", "metadata": f"{MARK[:-1]}2"}
    assert _parsed(requests.single(JOB, Job(PSID, {"a": "A"}), 1)) == _parsed(first)


def test_an_empty_message_is_still_json() -> None:
    assert _parsed(_requests({}).single(JOB, Job(PSID), 3))[1]["message"] == {"metadata": MARK}


_TEXT = st.text(max_size=20).filter(lambda text: "{{" not in text)
_MESSAGES = st.dictionaries(
    st.text(max_size=8).filter(lambda key: key != "metadata"),
    st.recursive(_TEXT | st.integers(-9, 9) | st.none(), lambda inner: st.lists(inner, max_size=3), max_leaves=4),
    max_size=3,
)


@given(_MESSAGES, _TEXT, st.text(), st.integers(1, 10**9))
def test_whatever_the_texts_are_the_bytes_are_sound(
    message: dict[str, Any], own: str, value: str, attempt: int
) -> None:
    mark = f"{MARK[:-1]}{attempt}" + (f";{own}" if own else "")
    constant = message | {"metadata": own}
    for template, expected in ((constant, constant), (constant | {"v": "{{v}}"}, constant | {"v": value})):
        requests = _requests(template, app_secret="secret")
        content = Job(PSID, {"v": value})
        _, body = _parsed(requests.single(JOB, content, attempt))
        assert body["message"] == expected | {"metadata": mark}
        assert body["recipient"] == {"id": PSID}
        form = _form(requests.member(JOB, content, attempt))
        assert (form["message"], form["recipient"]) == (body["message"], body["recipient"])


def test_a_batch_holds_its_members_and_no_secret_outside_its_body() -> None:
    requests = _requests({"text": "Hi"}, app_secret="secret", url="https://graph.facebook.com/graph")
    members = [requests.member(JOB, Job(psid), 3) for psid in (PSID, "8")]
    lines, body = _parsed(requests.batch(members))
    assert lines == ["POST /graph/v26.0/ HTTP/1.1", "Host: graph.facebook.com", "Content-Type: application/json"]
    assert {k: v for k, v in body.items() if k != "batch"} == {
        "access_token": TOKEN,
        "appsecret_proof": PROOF,
        "include_headers": True,
    }
    assert body["batch"] == [json.loads(member) for member in members]


def test_a_batch_has_1_to_50_members() -> None:
    requests = _requests({"text": "Hi"})
    member = requests.member(JOB, Job(PSID), 1)
    assert len(_parsed(requests.batch([member] * 50))[1]["batch"]) == 50
    for size in (0, 51):
        with pytest.raises(ValueError, match="1 to 50"):
            requests.batch([member] * size)


@pytest.mark.parametrize("message", BOTH)
@pytest.mark.parametrize("recipient_id", ["", '1"},"x":{"y":"', "1\r\n", "7&message=x", "\u0661"])
def test_only_digits_get_into_a_request(message: dict[str, Any], recipient_id: str) -> None:
    requests = _requests(message)
    for make in (requests.single, requests.member):
        with pytest.raises(NotSendable) as caught:
            make(JOB, Job(recipient_id), 1)
        assert caught.value.error_class is ErrorClass.INVALID_RECIPIENT


@pytest.mark.parametrize("message", [{"text": "x" * 2001}, {"text": "{{a|}}" + "x" * 2001}])
def test_a_text_too_long_gets_into_no_request(message: dict[str, Any]) -> None:
    requests = _requests(message)
    for make in (requests.single, requests.member):
        with pytest.raises(NotSendable) as caught:
            make(JOB, Job(PSID), 1)
        assert caught.value.error_class is ErrorClass.TEXT_TOO_LONG


def test_a_missing_variable_makes_no_request() -> None:
    with pytest.raises(MissingVariable):
        _requests({"text": "{{a}}"}).single(JOB, Job(PSID), 1)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("token", "EAA\r\nX-Evil: 1"),
        ("token", "EAA\n"),
        ("token", "EAA x"),
        ("token", "EAA\u00e9"),
        ("token", ""),
        ("url", "https://graph.facebook.com\r\nX-Evil: 1"),
        ("url", "https://graph facebook"),
        ("url", "https://user@graph"),
        ("url", "https://"),
        ("url", "https://graph.facebook.com/x?y"),
        ("url", "https:///x"),
        ("url", "https://graph.facebook.com/x//y"),
        ("version", "v26.0/../me"),
        ("version", "7"),
        ("page_id", "1/../2"),
        ("page_id", "1 HTTP/1.1\r\n"),
        ("page_id", ""),
    ],
)
def test_a_part_that_could_break_out_is_refused_without_showing_it(part: str, value: str) -> None:
    with pytest.raises(UnfitRequestPart, match="cannot stand in a request") as caught:
        _requests({"text": "Hi"}, None, **{part: value})
    assert not value or value not in str(caught.value)


def test_a_slash_at_the_end_of_the_base_path_does_not_count() -> None:
    for end, path in (("/", ""), ("/graph/", "/graph")):
        lines, _ = _parsed(_requests({"text": "Hi"}, url=f"https://graph.facebook.com{end}").single(JOB, Job(PSID), 1))
        assert lines[0] == f"POST {path}/v26.0/{PAGE}/messages HTTP/1.1"


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "[::1]:443", "fake_graph:9", "graph.facebook.com"])
def test_hosts_with_ports_and_addresses_are_fit(host: str) -> None:
    lines, _ = _parsed(_requests({"text": "Hi"}, url=f"http://{host}").single(JOB, Job(PSID), 1))
    assert f"Host: {host}" in lines
