"""A recipient's variables as the source has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import BadVariables
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables


def filled(text: str, variables: str) -> Any:
    return MessageTemplate({"text": text}).fill(read_variables(variables))["text"]


@pytest.mark.parametrize(
    "number", ["1999.90", "1.0", "1e3", "1E+3", "-0.50", "0.1000", "1e-7", "123456789012345678901.5"]
)
def test_numbers_keep_their_written_form(number: str) -> None:
    assert filled("{{n}}", f'{{"n": {number}}}') == number


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ('{"user": {"first_name": "Ann"}}', "user.first_name"),
        ('{"user": {"address": {"city": "Ann"}}}', "user.address.city"),
        ('{"user.first_name": "Ann", "user": {"first_name": "Bob"}}', "user.first_name"),
        ('{"user": {"first_name": "Bob"}, "user.first_name": "Ann"}', "user.first_name"),
        ('{"\u0e0a\u0e37\u0e48\u0e2d": "Ann"}', "\u0e0a\u0e37\u0e48\u0e2d"),
        ('{" First  Name ": "Ann"}', "First Name"),
        ('{"cafe\u0301": "Ann"}', "caf\u00e9"),
        ('{"a": {"b c": {"d.e": "Ann"}}}', "a.b c.d.e"),
    ],
)
def test_names_nested_and_in_any_script(variables: str, name: str) -> None:
    assert filled(f"Hi {{{{{name}|you}}}}", variables) == "Hi Ann"


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ("[1]", "the variables are no JSON object but a list"),
        ('"{}"', "the variables are no JSON object but a text"),
        ("7", "the variables are no JSON object but a number"),
        ("7.5", "the variables are no JSON object but a number"),
        ("true", "the variables are no JSON object but a truth value"),
        ("{", "the variables are no JSON, or nested too deep"),
        ("", "the variables are no JSON, or nested too deep"),
        ('{"name":"Anna","sum":"12","x":1e999}', "the variable x is a number beyond all bounds"),
        ('{"a":{"b":-1e999}}', "the variable a.b is a number beyond all bounds"),
        ('{"a":' * 10_000, "the variables are no JSON, or nested too deep"),
    ],
)
def test_what_cannot_be_read_is_never_taken_for_nothing(variables: str, reason: str) -> None:
    with pytest.raises(BadVariables) as caught:
        read_variables(variables)
    assert (caught.value.reason, caught.value.error_class, caught.value.outcome) == (
        reason,
        ErrorClass.MISSING_VARIABLE,
        Outcome.FAILED,
    )


@pytest.mark.parametrize("variables", [None, "null", " null "])
def test_none_are_none(variables: str | None) -> None:
    assert read_variables(variables) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_no_variables_are_an_error_of_ours(value: Any) -> None:
    """Nor lost: each text at the top is found under its name."""
    try:
        found = read_variables(json.dumps(value))
    except BadVariables:
        return
    assert (found is None) == (value is None)
    texts = {name: text for name, text in (value or {}).items() if isinstance(text, str) and name.isidentifier()}
    assert all((found or {})[name] == text for name, text in texts.items() if name.isascii())
