"""A message as people write it into a form, and back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.api.cockpit.runs.message_text import BadMessage, as_text, read_message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Hi {{name}}", {"text": "Hi {{name}}"}),
        (" {{name}}, hi\r\nthere ", {"text": "{{name}}, hi\nthere"}),
        ('{"text": "Hi"}', {"text": "Hi"}),
        ('{"attachment": {"type": "image"}}', {"attachment": {"type": "image"}}),
    ],
)
def test_what_begins_with_a_brace_is_json_and_else_the_text(text: str, message: dict[str, Any]) -> None:
    assert read_message(text) == message


@pytest.mark.parametrize(
    ("text", "reason"), [("", "empty"), (" \n", "empty"), ("{text: Hi}", "brace"), ("{[]}", "brace")]
)
def test_what_cannot_be_a_message_says_what_to_write(text: str, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        read_message(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
)


@given(st.dictionaries(st.sampled_from(["text", "metadata", "attachment"]), _VALUES))
def test_a_message_written_down_is_read_as_the_same(message: dict[str, Any]) -> None:
    assert read_message(as_text(message)) == message


@given(st.text())
def test_any_text_is_a_message_or_refused(text: str) -> None:
    with suppress(BadMessage):
        assert read_message(text)
        assert text.strip()
