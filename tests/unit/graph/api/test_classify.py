"""What one answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema.event import MAX_ERROR_MESSAGE
from schema.outcomes import ErrorClass
from sender.graph.api.classify import Answer, classify
from tests.unit.graph.api.responses import RECORDS, body_of, error, headers, headers_of

E = ErrorClass
NO_HEADERS = headers({})
SINGLE = sorted(n for n, r in RECORDS.items() if r["status"] and r["class"] != "batch_mixed")


@pytest.mark.parametrize("name", SINGLE)
def test_every_collected_answer_gets_the_class_it_is_collected_under(name: str) -> None:
    record = RECORDS[name]
    answer = classify(record["status"], headers_of(record), body_of(record))
    assert (answer.error_class or "success") == record["class"]
    assert answer.http_status == record["status"]
    if answer.error_class is None:
        assert answer.message_id == record["body"]["message_id"]
    else:
        assert answer.message_id is None
    if isinstance(record["body"], dict) and "error" in record["body"]:
        told = record["body"]["error"]
        assert (answer.code, answer.subcode) == (told["code"], told.get("error_subcode"))
        assert (answer.message, answer.fbtrace_id) == (told["message"], told["fbtrace_id"])


def test_the_collection_is_not_empty() -> None:
    assert len(SINGLE) >= 50


# Rows of the table (platform facts 2.3) that the collection does not have.
@pytest.mark.parametrize(
    ("code", "subcode", "found"),
    [
        (1, 99, E.TRANSIENT),
        (2, 2018344, E.POLICY_PAGE),
        (3, None, E.AUTH_APP),
        (4, None, E.RATE_LIMIT_APP),
        (4, 0, E.RATE_LIMIT_APP),
        (4, 2018022, E.RATE_LIMIT_APP),
        (9, 2018352, E.RECIPIENT_WINDOW),
        (9, None, E.TRANSIENT),
        (10, None, E.AUTH_PAGE),
        (10, 7, E.AUTH_PAGE),
        (10, 2018065, E.RECIPIENT_WINDOW),
        (10, 1893015, E.RECIPIENT_PERMANENT),
        (10, 1404170, E.POLICY_PAGE),
        (10, 2534077, E.AUTH_PAGE),
        (10, 2018336, E.RECIPIENT_PERMANENT),
        (17, None, E.RATE_LIMIT_PAGE),
        (32, None, E.RATE_LIMIT_PAGE),
        (80000, None, E.RATE_LIMIT_PAGE),
        (80007, None, E.TRANSIENT),
        (80014, None, E.RATE_LIMIT_PAGE),
        (100, None, E.BAD_PAYLOAD),
        (100, 33, E.AUTH_PAGE),
        (100, 2018008, E.BAD_PAYLOAD),
        (100, 2534013, E.BAD_PAYLOAD),
        (100, 2534014, E.RECIPIENT_PERMANENT),
        (100, 2534029, E.POLICY_PAGE),
        (100, 2534037, E.RECIPIENT_TEMPORARY),
        (105, None, E.BAD_PAYLOAD),
        (190, 492, E.AUTH_PAGE),
        (200, None, E.AUTH_PAGE),
        (201, None, E.AUTH_PAGE),
        (299, None, E.AUTH_PAGE),
        (300, None, E.TRANSIENT),
        (200, 2018027, E.AUTH_APP),
        (200, 2534041, E.AUTH_PAGE),
        (341, None, E.RATE_LIMIT_APP),
        (368, None, E.POLICY_PAGE),
        (506, None, E.BAD_PAYLOAD),
        (551, None, E.RECIPIENT_PERMANENT),
        (613, 2534040, E.RATE_LIMIT_PAGE),
        (613, 2018338, E.POLICY_PAGE),
        (613, 1893016, E.RECIPIENT_WINDOW),
        (803, None, E.AUTH_PAGE),
        (1200, None, E.TRANSIENT),
        (1609005, None, E.BAD_PAYLOAD),
        (10303, None, E.BAD_PAYLOAD),
        (2018144, None, E.RECIPIENT_WINDOW),
        (2018300, None, E.RECIPIENT_TEMPORARY),
        (2018171, None, E.AUTH_PAGE),
        (9000001, None, E.BAD_PAYLOAD),
        (2300034, None, E.RECIPIENT_PERMANENT),
        (2300015, None, E.POLICY_PAGE),
        (2300013, None, E.AUTH_PAGE),
        (2300055, None, E.TRANSIENT),
        (2300001, None, E.BAD_PAYLOAD),
        (2300080, None, E.RATE_LIMIT_PAGE),
        (2300081, None, E.TRANSIENT),
        (424242, None, E.TRANSIENT),
        (-1, None, E.TRANSIENT),
    ],
)
def test_table(code: int, subcode: int | None, found: ErrorClass) -> None:
    assert classify(400, NO_HEADERS, error(code, subcode)).error_class is found


@pytest.mark.parametrize(
    ("code", "subcode", "found"),
    [
        (10, 2018300, E.RECIPIENT_TEMPORARY),
        (2018300, None, E.RECIPIENT_TEMPORARY),
        (2018278, None, E.RECIPIENT_WINDOW),
        (77, 2018278, E.RECIPIENT_WINDOW),
        (100, 2300042, E.RECIPIENT_WINDOW),
        (2300042, None, E.RECIPIENT_WINDOW),
        (190, 2018278, E.RECIPIENT_WINDOW),
    ],
)
def test_long_numbers_mean_the_same_as_code_and_as_subcode(code: int, subcode: int | None, found: ErrorClass) -> None:
    assert classify(400, NO_HEADERS, error(code, subcode)).error_class is found


def test_1545041_is_the_window_as_a_code_and_the_person_as_a_subcode() -> None:
    assert classify(400, NO_HEADERS, error(1545041)).error_class is E.RECIPIENT_WINDOW
    assert classify(400, NO_HEADERS, error(77, 1545041)).error_class is E.RECIPIENT_PERMANENT


def test_short_subcodes_mean_nothing_under_another_code() -> None:
    assert classify(400, NO_HEADERS, error(2, 33)).error_class is E.TRANSIENT
    assert classify(400, NO_HEADERS, error(551, 99)).error_class is E.RECIPIENT_PERMANENT


@pytest.mark.parametrize(
    ("code", "subcode", "unknown"),
    [
        *((424242, None, True), (-1, None, True), (9, None, True), (9, 5, True), (2300081, None, True)),
        *((2, 33, False), (1, None, False), (9, 2018352, False), (424242, 1545041, False), (2018300, None, False)),
    ],
)
def test_a_code_that_stands_in_no_table_is_marked(code: int, subcode: int | None, unknown: bool) -> None:
    assert classify(400, NO_HEADERS, error(code, subcode)).unknown_code is unknown


@pytest.mark.parametrize(
    ("code", "message", "found"),
    [
        (100, "Invalid appsecret_proof provided in the API argument", E.AUTH_APP),
        (100, "(#100) Invalid fbid.", E.RECIPIENT_PERMANENT),
        (100, "(#100) NO MATCHING USER found", E.RECIPIENT_PERMANENT),
        (100, "(#100) Invalid notification_messages_token", E.RECIPIENT_PERMANENT),
        (100, "(#100) Param message[text] is too long", E.BAD_PAYLOAD),
        (200, "API access blocked.", E.AUTH_APP),
        (200, "(#200) This person isn't receiving messages from you right now.", E.RECIPIENT_PERMANENT),
        (200, "(#200) This person isn\u2019t receiving messages from you right now.", E.RECIPIENT_PERMANENT),
        (200, "(#200) Permissions error", E.AUTH_PAGE),
        (190, "API access blocked.", E.AUTH_PAGE),
    ],
)
def test_texts_decide_for_codes_of_several_meanings(code: int, message: str, found: ErrorClass) -> None:
    assert classify(400, NO_HEADERS, error(code, None, message)).error_class is found


def test_an_exact_pair_goes_before_the_text() -> None:
    assert classify(400, NO_HEADERS, error(100, 33, "No matching user found")).error_class is E.AUTH_PAGE


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b"null"),
        (200, b"[]"),
        (200, b'{"recipient_id":"7"}'),
        (200, b'{"message_id":""}'),
        (200, b'{"message_id":null}'),
        (200, b'{"message_id":7}'),
        (200, b'{"message_id":"m_\\u0000"}'),
        (200, b'{"message_id":"%b"}' % (b"m" * 1001)),
        (200, b'{"message_id":"m_\xff"}'),
        (200, b'{"message_id":"m_1"'),
        (200, b'{"message_id":"m_1"}{"message_id":"m_2"}'),
        (200, b'{"message_id":"m_1","error":{"code":551}}'),
        (500, b'{"message_id":"m_1"}'),
        (302, b'{"message_id":"m_1"}'),
        (400, b'{"error":{}}'),
        (400, b'{"error":"invalid_request"}'),
        (400, b'{"error":{"code":"190"}}'),
        (400, b'{"error":{"code":"190","message":"\xff"}}'),
        (400, b'{"error":{"code":190,"message":"\xff"},"message_id":"m_1"}'),
        (400, b'[{"error":{"code":190,"message":"\xff"}}]'),
        (400, b'{"n":%b,"error":{"code":190,"message":"\xff"}}' % (b"9" * 5000)),
        (400, b'{"error":{"code":true}}'),
        (400, b'{"error":{"code":99999999999}}'),
        (500, b'{"error":{"code":190,"message":"cut'),
        (500, b"[" * 100_000),
        (500, b'{"a":' * 100_000),
        (503, b"<html>"),
    ],
)
def test_what_cannot_be_understood_is_ambiguous(status: int, body: bytes) -> None:
    answer = classify(status, NO_HEADERS, body)
    assert (answer.error_class, answer.http_status, answer.message_id) == (E.AMBIGUOUS, status, None)
    assert answer.message


def test_an_error_under_status_200_is_an_error() -> None:
    assert classify(200, NO_HEADERS, error(190, 460)).error_class is E.AUTH_PAGE


def test_a_null_error_beside_a_message_id_is_none() -> None:
    answer = classify(200, NO_HEADERS, b'{"error":null,"message_id":"m_1","new":{"a":[1]}}')
    assert answer == Answer(error_class=None, http_status=200, message_id="m_1")


@pytest.mark.parametrize("told", [None, 7, {"a": 1}, ["x"]])
def test_a_code_counts_though_text_and_trace_are_of_other_types(told: Any) -> None:
    body = json.dumps({"error": {"code": 551, "message": told, "fbtrace_id": told}}).encode()
    assert classify(400, NO_HEADERS, body) == Answer(error_class=E.RECIPIENT_PERMANENT, http_status=400, code=551)


@pytest.mark.parametrize(
    "text", [b"caf\xe9", b"a\x00b", b"two\nlines", b"\xff\xfe", b"\\ud83d alone", b"\xed\xa0\xbd"], ids=ascii
)
def test_a_code_counts_though_a_text_beside_it_is_broken(text: bytes) -> None:
    body = b'{"error":{"message":"%b","code":10,"error_subcode":2018278,"fbtrace_id":"A%b"}}' % (text, text)
    answer = classify(400, NO_HEADERS, body)
    assert (answer.error_class, answer.code, answer.subcode) == (E.RECIPIENT_WINDOW, 10, 2018278)
    assert answer.message is not None
    assert answer.message.isprintable()
    answer.message.encode()


def test_messages_are_cut_and_hold_no_credentials_and_no_control_characters() -> None:
    token = "EAA" + "x1" * 40
    text = f"a\0b\nbad token {token} and access_token=FAKE&x " + "y" * 10_000
    answer = classify(400, NO_HEADERS, error(190, None, text))
    assert answer.message is not None
    assert answer.message.startswith("a b bad token *** and access_token=***&x yyy")
    assert len(answer.message) == MAX_ERROR_MESSAGE


def test_a_credential_at_the_cut_does_not_show() -> None:
    text = "y" * (MAX_ERROR_MESSAGE - 10) + " EAA" + "x1" * 40
    answer = classify(400, NO_HEADERS, error(190, None, text))
    assert answer.message == "y" * (MAX_ERROR_MESSAGE - 10) + " ***"


def _understood(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


_KEYS = st.sampled_from(["message_id", "error", "code", "error_subcode", "message"]) | st.text()
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(status=st.integers(-1, 600), body=st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
@example(status=200, body=b'{"message_id":"m"}')
def test_no_body_raises_or_is_accepted_without_a_message_id(status: int, body: bytes) -> None:
    answer = classify(status, NO_HEADERS, body)
    content = _understood(body)
    accepted = (
        200 <= status < 300
        and isinstance(content.get("message_id"), str)
        and content["message_id"].replace("\0", "") == content["message_id"] != ""
        and content.get("error") is None
    )
    assert (answer.error_class is None) == accepted
    assert answer.message_id == (content["message_id"] if accepted else None)


@given(st.integers(), st.none() | st.integers(), st.text())
def test_every_error_with_a_code_has_a_class(code: int, subcode: int | None, message: str) -> None:
    answer = classify(400, NO_HEADERS, error(code, subcode, message))
    assert answer.error_class is not None
    assert answer.message is None or len(answer.message) <= MAX_ERROR_MESSAGE
