"""What a file of failures holds of a person comes back as it was when the file is submitted."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.message.variables import read_variables
from sender.runs.by_hand.files.failures_file import (
    COLUMNS,
    OUTCOME_COLUMNS,
    VARIABLES_COLUMN,
    Person,
    object_cell,
    person,
    plain_cell,
)
from sender.runs.by_hand.files.recipient import Recipient
from sender.runs.by_hand.files.recipients_file import open_recipients
from sender.runs.by_hand.files.tables.bad_line import BadLine
from sender.runs.rules.records import RecipientRow

OUTCOME = ("failed", "bad_payload", "100", "", 'the "text",\nof two lines', "400", "1", "2026-11-22T09:30:00+00:00")


def read(text: str) -> list[Recipient | BadLine]:
    return list(taken(text)[0])


def taken(text: str) -> tuple[list[Recipient | BadLine], str]:
    """Return what is read, and how the file was taken."""
    with open_recipients(io.StringIO(text, newline="")) as recipients:
        return list(recipients), recipients.how()


def csv_file(*people: tuple[str, Person], header: tuple[str, ...] = COLUMNS, more: tuple[str, ...] = ()) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(header)
    for recipient_id, who in people:
        last = who.last_interaction_at and who.last_interaction_at.isoformat()
        writer.writerow([recipient_id, *OUTCOME, last, who.time_zone, object_cell(who.variables), *more])
    return file.getvalue()


_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


def without_nul(text: str) -> bool:
    return "\\u0000" not in text


@given(st.dictionaries(_NAMES, _VALUES, max_size=5).map(json.dumps).filter(without_nul))
def test_variables_come_back_as_a_message_looks_them_up(text: str) -> None:
    """As the source has them against as they stand after the file; whatever they hold, one person is one record."""
    found = person(RecipientRow("7001", text))
    [back], how = taken(csv_file(("7001", found)))
    assert f"columns of newar run failures left out: {', '.join(OUTCOME_COLUMNS)}" in how
    assert isinstance(back, Recipient)
    stored = None if back.variables is None else msgspec.json.encode(back.variables).decode()
    assert (read_variables(stored) or {}) == read_variables(text)
    line = msgspec.json.encode({"recipient_id": "7001", "outcome": "failed", **msgspec.structs.asdict(found)}).decode()
    [same], how = taken(line + "\n")
    assert how.endswith("members of newar run failures left out: outcome")
    assert isinstance(same, Recipient)
    assert (same.variables or {}) == (back.variables or {})


@given(st.text(max_size=40))
def test_whatever_the_source_holds_gives_a_line_that_can_be_read_or_is_refused(text: str) -> None:
    try:
        found = person(RecipientRow("7001", text))
    except ValueError:
        return
    assert isinstance(read(csv_file(("7001", found)))[0], Recipient)


def test_person_comes_back_with_moment_and_time_zone() -> None:
    found = person(RecipientRow("7001", '{"sum": 1999.90}', 1_763_800_000.123, " Asia/Tokyo "))
    moment = datetime(2025, 11, 22, 8, 26, 40, 123000, UTC)
    assert found == Person(moment, " Asia/Tokyo ", {"sum": "1999.90"})
    assert read(csv_file(("7001", found)))[0] == Recipient("7001", {"sum": "1999.90"}, moment, "Asia/Tokyo")


@pytest.mark.parametrize("moment_s", [float("inf"), float("-inf"), -5.0, 1e300])
def test_moment_beyond_all_calendars_can_be_submitted(moment_s: float) -> None:
    found = person(RecipientRow("7001", None, moment_s))
    assert isinstance(read(csv_file(("7001", found)))[0], Recipient)


def test_zone_that_does_not_exist_is_left_out() -> None:
    assert person(RecipientRow("7001", None, None, "Mars/Base")) == Person()


@pytest.mark.parametrize(
    "text", ["", "[]", '"text"', "{", '{"a": 1e999}', '{"a": "\\u0000"}', '{"a": "\\ud800"}', '{"a":' * 2000, "7"]
)
def test_variables_that_no_file_can_hold_are_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        person(RecipientRow("7001", text))


def test_variables_too_long_for_a_cell_are_told() -> None:
    long = json.dumps({"a": "x" * 131_000})
    assert isinstance(read(csv_file(("7001", person(RecipientRow("7001", long)))))[0], Recipient)
    with pytest.raises(ValueError, match="over 131072"):
        person(RecipientRow("7001", json.dumps({"a": "\x9b" * 30_000})))


def test_cell_of_variables_steers_no_terminal_and_breaks_no_line() -> None:
    cell = object_cell({"a": "\x1b[2J\x9b2J\u2028\u202e\U000e0001\n👩\u200d👧"})
    assert cell.isprintable()
    assert json.loads(cell) == {"a": "\x1b[2J\x9b2J\u2028\u202e\U000e0001\n👩\u200d👧"}


def test_column_of_a_person_counts_over_the_object() -> None:
    who = ("7001", Person(variables={"name": None, "user": {"name": "Ann", "age": 7}}))
    found = read(csv_file(who, header=(*COLUMNS, "name", "user.name"), more=("Zoë", "")))
    assert found[0] == Recipient("7001", {"name": "Zoë", "user": {"name": "Ann", "age": 7}})


def test_in_any_other_file_the_same_columns_are_variables() -> None:
    assert read("recipient_id,outcome,attempt\n7001,won,3\n") == [Recipient("7001", {"outcome": "won", "attempt": "3"})]
    inside = '{"recipient_id": "7001", "outcome": 1, "variables": {"outcome": "won"}}\n'
    assert read(inside) == [Recipient("7001", {"outcome": "won"})]


def test_cell_that_is_no_object_is_named() -> None:
    [bad] = read(f"recipient_id,{VARIABLES_COLUMN}\n7001,Ann\n")
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert f"{VARIABLES_COLUMN}: " in bad.reason
    assert "write a JSON object, or empty the cell" in bad.reason


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@sum"])
def test_text_for_people_is_no_formula(text: str) -> None:
    assert plain_cell(text) == "'" + text
    assert plain_cell(f"(#100) {text}") == f"(#100) {text}"


def test_rows_of_people_who_may_have_the_message_are_counted() -> None:
    one, other = csv_file(("7000000000000001", Person()), ("7000000000000002", Person())).rsplit("failed", 1)
    for text in (
        f"{one}unknown{other}",
        '{"recipient_id": "7000000000000001", "outcome": "failed"}\n'
        '{"recipient_id": "7000000000000002", "outcome": "unknown"}',
    ):
        with open_recipients(io.StringIO(text, newline="")) as recipients:
            assert (len(list(recipients)), recipients.may_have_it) == (2, 1)


def test_outcome_in_any_other_file_is_a_variable_and_stops_nothing() -> None:
    with open_recipients(io.StringIO("recipient_id,outcome\n7000000000000001,unknown\n")) as recipients:
        assert (len(list(recipients)), recipients.may_have_it) == (1, 0)
