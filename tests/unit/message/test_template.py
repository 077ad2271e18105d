"""Filling a run's message."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.outcomes import ErrorClass, Outcome
from sender.message.errors import BadTemplate, MissingVariable, UnusableVariable
from sender.message.limits import MAX_OWN_METADATA
from sender.message.template import MessageTemplate


def _filled(text: str, variables: dict[str, Any] | None = None) -> Any:
    return MessageTemplate({"text": text}).fill(variables)["text"]


@pytest.mark.parametrize(
    ("text", "variables", "result"),
    [
        ("no placeholder } { }} |", None, "no placeholder } { }} |"),
        ("Hi {{name}}!", {"name": "Anna"}, "Hi Anna!"),
        ("{{ name }}{{name}}", {"name": "A"}, "AA"),
        ("{{\tname\n}}", {"name": "A"}, "A"),
        ("{{name|friend}}", {"name": "A"}, "A"),
        ("{{name|friend}}", {"name": None}, "friend"),
        ("{{name|friend}}", {}, "friend"),
        ("{{name|friend}}", None, "friend"),
        ("{{ name | dear friend }}.", None, "dear friend."),
        ("{{name|}}.", None, "."),
        ("{{name|friend}}", {"name": ""}, ""),
        ("{{name|a|b}}", None, "a|b"),
        ("{{name|a}b}}", None, "a}b"),
        ("{{name|a\nb}}", None, "a\nb"),
        ("{{_a.b1}}", {"_a.b1": "x"}, "x"),
        ("{{1st}}", {"1st": "x"}, "x"),
        ("{{ First  Name }}", {"First Name": "x"}, "x"),
        ("{{ชื่อ}}", {"ชื่อ": "x"}, "x"),
        ("{{cafe\u0301|y}}", {"caf\u00e9": "x"}, "x"),
        ("{{name}}}", {"name": "A"}, "A}"),
        ("{{a}}", {"a": True}, "true"),
        ("{{a}}", {"a": False}, "false"),
        ("{{a}}", {"a": 0}, "0"),
        ("{{a}}", {"a": -12}, "-12"),
        ("{{a}}", {"a": 1.5}, "1.5"),
        ("{{a}}", {"a": 1e22}, "1e22"),
        ("{{a}}", {"a": '"\\\n\u1ed9'}, '"\\\n\u1ed9'),
    ],
)
def test_placeholders(text: str, variables: dict[str, Any] | None, result: str) -> None:
    assert _filled(text, variables) == result


def test_values_are_inserted_once() -> None:
    assert _filled("{{a}} {{b}}", {"a": "{{b}}", "b": "{{a|x}}"}) == "{{b}} {{a|x}}"


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(MissingVariable) as caught:
        _filled("{{first}} {{last}}", {"first": "A"})
    assert caught.value.name == "last"
    assert (caught.value.error_class, caught.value.outcome) == (ErrorClass.MISSING_VARIABLE, Outcome.FAILED)
    assert caught.value.reason == "the variable last is missing"


@pytest.mark.parametrize("value", [[], ["a"], {}, {"a": 1}, float("nan"), float("inf")])
def test_a_value_that_is_no_text_is_unusable_even_with_a_fallback(value: object) -> None:
    with pytest.raises(UnusableVariable) as caught:
        _filled("{{a|x}}", {"a": value})
    assert caught.value.reason == f"the variable a is of type {type(value).__name__}, which is no text"
    assert caught.value.error_class is ErrorClass.MISSING_VARIABLE


def test_all_strings_are_filled_and_keys_and_other_values_are_not() -> None:
    message = {
        "attachment": {"payload": {"elements": [{"title": "{{a}}", "n": 1}, {"title": "x"}, "{{a}}", None, True]}},
        "{{a}}": "key",
        "quick_replies": [["{{b|}}"]],
    }
    before = copy.deepcopy(message)
    assert MessageTemplate(message).fill({"a": "A"}) == {
        "attachment": {"payload": {"elements": [{"title": "A", "n": 1}, {"title": "x"}, "A", None, True]}},
        "{{a}}": "key",
        "quick_replies": [[""]],
    }
    assert message == before


def test_a_message_without_placeholders_is_given_out_as_it_is() -> None:
    message = {"text": "Hi"}
    template = MessageTemplate(message)
    assert template.constant
    assert template.fill({"a": "A"}) is message
    assert not MessageTemplate({"text": "{{a}}"}).constant


@pytest.mark.parametrize(
    ("message", "position", "reason"),
    [
        ({"text": "Hi {{name"}, "message.text, character 4", "{{ without }}"),
        ({"text": "{{a}} {{b}"}, "message.text, character 7", "{{ without }}"),
        ({"text": "{{}}"}, "message.text, character 1", "no name between {{ and }}"),
        ({"text": "{{ |x}}"}, "message.text, character 1", "no name between {{ and }}"),
        ({"a": [{"b": "{{#if a}}"}]}, "message.a[0].b, character 1", "'#if a' is not the name of a variable"),
        ({"text": "{{/if}}"}, "message.text, character 1", "'/if' is not the name of a variable"),
        ({"text": "{{{a}}}"}, "message.text, character 1", "'{a' is not the name of a variable"),
        ({"text": "{{a|{{b}}}}"}, "message.text, character 1", "{{ within a placeholder"),
        ({"text": "a\ud800"}, "message.text, character 2", "half of a surrogate pair"),
        ({"metadata": 7}, "message.metadata", "must be a string"),
        ({"metadata": "x" * (MAX_OWN_METADATA + 1)}, "message.metadata", f"over {MAX_OWN_METADATA} characters"),
    ],
)
def test_a_bad_template_is_refused_with_the_place(message: dict[str, Any], position: str, reason: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        MessageTemplate(message)
    assert (caught.value.position, caught.value.reason) == (position, reason)


def test_nesting_beyond_reason_is_refused() -> None:
    message: dict[str, Any] = {}
    for _ in range(100):
        message = {"a": message}
    with pytest.raises(BadTemplate, match="nested deeper"):
        MessageTemplate(message)


@given(st.text(), st.text())
def test_any_value_arrives_unchanged(before: str, value: str) -> None:
    before = before.replace("{{", "")
    before = before.rstrip("{")
    assert _filled(before + "{{a}}", {"a": value}) == before + value


@given(st.text(st.sampled_from("{}|a \n1.")))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        template = MessageTemplate({"text": text})
    except BadTemplate:
        assert "{{" in text
    else:
        assert template.constant == ("{{" not in text)
