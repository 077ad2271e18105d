"""Reading paths, tokens and messages in each of the forms that clients use."""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.fakegraph.requests import (
    Member,
    read_batch,
    read_fields,
    read_send,
    read_target,
    token_of_header,
)

FORM = b"application/x-www-form-urlencoded; charset=utf-8"
MESSAGE = {"text": "Grüße & 100 % = 50/50", "metadata": "j=ab;a=1"}


def as_form(**fields: object) -> bytes:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    return urlencode(texts).encode()


@pytest.mark.parametrize(
    ("path", "page_id", "exists"),
    [
        (b"/v26.0/100/messages", "100", True),
        (b"/v22.0/me/messages", "me", True),
        (b"/v21.0/100/messages", "100", False),
        (b"/v27.0/100/messages", "100", False),
        (b"/", "", True),
        (b"/v26.0/", "", True),
        (b"/v26.0", "", True),
        (b"/v27.0/", "", False),
        (b"100/messages", "100", True),
        (b"/v26.0/100/photos", "", False),
        (b"/v26.1/100/messages", "", False),
    ],
)
def test_a_path_names_a_page_a_batch_or_nothing(path: bytes, page_id: str, exists: bool) -> None:
    target = read_target(path)
    assert (target.page_id, target.exists) == (page_id, exists)


def test_json_form_and_query_carry_the_same_message() -> None:
    in_json = json.dumps({"recipient": {"id": "7"}, "message": MESSAGE, "access_token": "t"}).encode()
    in_form = as_form(recipient={"id": "7"}, message=MESSAGE, access_token="t")
    sends = [
        read_send(in_json, b"application/json", {}),
        read_send(in_form, FORM, {}),
        read_send(b"", b"", read_fields(in_form)),
    ]
    assert sends[0] == sends[1] == sends[2]
    assert (sends[0].recipient_id, sends[0].metadata, sends[0].access_token) == ("7", "j=ab;a=1", "t")


@pytest.mark.parametrize("recipient_id", ['"7a"', '""', '"٣"', "-7", '"7 "'])
def test_an_id_that_is_not_digits_is_no_id(recipient_id: str) -> None:
    body = f'{{"recipient":{{"id":{recipient_id}}},"message":{{"text":"a"}}}}'.encode()
    assert read_send(body, b"application/json", {}).recipient_id == ""


def test_a_number_is_taken_for_an_id() -> None:
    assert read_send(b'{"recipient":{"id":7},"message":{}}', b"", {}).recipient_id == "7"


@given(body=st.binary(), content_type=st.sampled_from([b"", b"application/json", FORM]))
def test_no_bytes_are_too_bad_to_be_read(body: bytes, content_type: bytes) -> None:
    assert read_send(body, content_type, {}).message is None
    read_batch(body, content_type, {})


@given(value=st.binary())
def test_form_values_survive_their_encoding(value: bytes) -> None:
    assert read_fields(b"a=1&b=" + quote(value, safe="").encode()) == {b"a": b"1", b"b": value}


def test_a_batch_is_read_from_json_and_from_a_form() -> None:
    members = [{"method": "POST", "relative_url": "100/messages", "body": "recipient=%7B%7D"}]
    in_json = read_batch(json.dumps({"batch": members, "access_token": "t"}).encode(), b"", {})
    in_text = read_batch(json.dumps({"batch": json.dumps(members), "access_token": "t"}).encode(), b"", {})
    in_form = read_batch(as_form(batch=members, access_token="t"), FORM, {})
    assert in_json == in_text == in_form
    assert in_json.members == [Member("100/messages", "POST", "recipient=%7B%7D")]


@pytest.mark.parametrize("value", [False, "false", "0"])
def test_a_batch_can_do_without_member_headers(value: object) -> None:
    body = json.dumps({"batch": [], "include_headers": value}).encode()
    assert not read_batch(body, b"", {}).with_headers


def test_the_token_follows_the_scheme() -> None:
    assert token_of_header(b"Bearer EAAB") == token_of_header(b"OAuth EAAB") == "EAAB"
    assert token_of_header(b"") == ""
