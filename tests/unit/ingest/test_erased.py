"""Which messages name somebody who was removed from everywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mending.erasures import Erased, Person

PSID = "7001234567890123"
ERASED = Erased([Person(PSID), Person("42", "7")])


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (b'{"recipient_id": "7001234567890123", "page_id": "1"}', True),
        (b'{"recipient_id": "7001234567890124", "page_id": "1"}', False),
        (b'{"recipient_id": "42", "page_id": "7"}', True),
        (b'{"recipient_id": "42", "page_id": "8"}', False),
        (b'{"recipient_id": "1", "error_message": "7001234567890123"}', False),
        (b'{"recipient": "7001234567890123"}', True),
        (b'{"recipient": 7001234567890123}', True),
        (b'{"recipient": 70012345678901234}', False),
        (b'\xff\0 "recipient_id":"7001234567890123', True),
        (b'{"recipient": "42"}', True),
        (b'{"attempt": 42}', False),
        (b"", False),
        (None, False),
    ],
)
def test_an_event_names_its_recipient_and_anything_else_whom_it_holds(value: bytes | None, named: bool) -> None:
    assert ERASED.names(value) is named


@given(st.binary(max_size=200))
def test_whatever_comes_is_judged(value: bytes) -> None:
    assert ERASED.names(value) in (True, False)
    assert Erased().names(value) is False
    assert ERASED.mentioned(value + b" " + PSID.encode() + b" " + value)


def test_a_pseudonym_is_short_and_no_id() -> None:
    assert Person(PSID).pseudonym == Person(PSID, "7").pseudonym
    assert len(Person(PSID).pseudonym) == 8
    assert Person(PSID).pseudonym not in PSID
