"""Texts that are too long."""

from __future__ import annotations

import pytest

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import NotSendable
from sender.message.limits import MAX_OWN_METADATA, check_limits


def test_2000_characters_pass_and_2001_do_not() -> None:
    check_limits({"text": "\u1ed9" * 2000})
    with pytest.raises(NotSendable) as caught:
        check_limits({"text": "x" * 2001})
    assert (caught.value.error_class, caught.value.outcome) == (ErrorClass.TEXT_TOO_LONG, Outcome.FAILED)
    assert caught.value.reason == "the text has 2001 characters, 2000 are allowed"


def test_own_metadata_that_grew_too_long_is_a_bad_payload() -> None:
    with pytest.raises(NotSendable) as caught:
        check_limits({"text": "Hi", "metadata": "x" * (MAX_OWN_METADATA + 1)})
    assert (caught.value.error_class, caught.value.outcome) == (ErrorClass.BAD_PAYLOAD, Outcome.FAILED)


def test_a_message_without_text_passes() -> None:
    check_limits({"attachment": {}})
