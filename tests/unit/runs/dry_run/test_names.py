"""Names in a message beside those in the data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.message.errors import BadTemplate
from sender.message.template import MessageTemplate
from sender.message.variables import read_variables
from sender.runs.dry_run.names import Names, nearly, strings


def compared(message: dict[str, Any], *people: str) -> Names:
    names = Names(MessageTemplate(message).names, strings(message))
    for variables in people:
        names.add(read_variables(variables))
    return names


@pytest.mark.parametrize(
    ("wanted", "others", "meant"),
    [
        ("user_first_name", ["city", "first_name"], "first_name"),
        ("firstname", ["first_name"], "first_name"),
        ("First Name", ["city", "first_name"], "first_name"),
        ("fist_name", ["first_name", "last_name"], "first_name"),
        ("ชื่อ", ["ชือ", "city"], "ชือ"),
        ("city", ["first_name"], None),
        ("n", ["name"], None),
        ("name", [], None),
    ],
)
def test_nearly_the_same_name_is_found_and_another_is_not(wanted: str, others: list[str], meant: str | None) -> None:
    assert nearly(wanted, others) == meant


def test_name_that_nobody_has_stops_and_says_what_was_meant() -> None:
    names = compared({"text": "Hi {{user_first_name}}"}, '{"first_name": "Ann"}', '{"first_name": "Bo"}')
    assert list(names.stops()) == [
        "nobody has a value for {{user_first_name}}; the data has first_name: write {{first_name}}"
    ]
    assert [(one.name, one.did_you_mean) for one in names.unused()] == [("first_name", "user_first_name")]


def test_fallback_for_everybody_stops_only_where_another_name_was_meant() -> None:
    meant = compared({"text": "Hi {{first_name|there}}"}, '{"firstname": "Ann"}')
    assert list(meant.stops()) == [
        "everybody would get the fallback of {{first_name}}; the data has firstname: write {{firstname}}"
    ]
    assert list(compared({"text": "Hi {{first_name|there}}"}, '{"city": "X"}', "{}").stops()) == []


def test_some_without_a_value_are_counted_and_stop_nothing() -> None:
    names = compared({"text": "{{a}} {{b|x}} {{a|y}}"}, '{"a": "1"}', '{"b": null}', '{"a": "1", "b": "2"}')
    assert [(one.name, one.without, one.fallback) for one in names.missing()] == [("a", 1, False), ("b", 2, True)]
    assert list(names.stops()) == []


def test_objects_are_looked_into_and_are_no_unused_names_themselves() -> None:
    names = compared({"text": "{{user.first_name}}"}, '{"user": {"first_name": "Ann", "age": 3}}')
    assert names.missing() == []
    assert [one.name for one in names.unused()] == ["user.age"]


@pytest.mark.parametrize("written", ["{first_name}", "[first_name]", "%first_name%", "<First Name>", "{ first_name }"])
def test_placeholder_of_another_program_stops(written: str) -> None:
    names = compared({"text": f"Hi {written}, {{{{city}}}}"}, '{"first_name": "Ann", "city": "X"}')
    assert list(names.stops()) == [f"{written} would go out as it stands: a placeholder is written {{{{first_name}}}}"]


@pytest.mark.parametrize("text", ["{{first_name}}", "{smile}", "100 % off, 50 % more", "[1]", "a < b > c", "{}"])
def test_other_braces_are_text(text: str) -> None:
    assert list(compared({"text": text}, '{"first_name": "Ann"}').stops()) == []


def test_column_of_a_file_without_any_value_is_known_as_a_name() -> None:
    names = compared({"text": "{{first_name|x}}"}, "{}")
    names.expect(["firstname"])
    assert next(names.stops()).endswith("the data has firstname: write {{firstname}}")


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=30), max_size=4),
    st.lists(st.dictionaries(st.text(max_size=8), st.none() | st.text(max_size=8), max_size=4), max_size=4),
)
def test_whatever_stands_there_it_is_compared(message: dict[str, str], people: list[dict[str, str | None]]) -> None:
    try:
        names = Names(MessageTemplate(message).names, strings(message))
    except BadTemplate:
        return
    for one in people:
        names.add(one)
    for missing in names.missing():
        assert missing.without <= len(people)
    assert not {one.name for one in names.unused()} & set(MessageTemplate(message).names)
    assert all(isinstance(stop, str) for stop in names.stops())
