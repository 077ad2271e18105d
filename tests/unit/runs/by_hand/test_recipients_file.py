"""Files of recipients."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from sender.runs.by_hand.recipients_file import BadLine, Recipient, read_recipients


def read(text: str) -> list[Recipient | BadLine]:
    return list(read_recipients(io.StringIO(text, newline="")))


def problem(text: str) -> str:
    [found] = [str(line) for line in read(text) if isinstance(line, BadLine)]
    return found


def test_csv_columns_beside_its_own_are_variables() -> None:
    text = 'recipient_id,first_name,last_interaction_at\r\n1,"Ann, B.",2026-11-22T09:30:00Z\r\n2,,\r\n'
    assert read(text) == [
        Recipient("1", {"first_name": "Ann, B."}, datetime(2026, 11, 22, 9, 30, tzinfo=UTC)),
        Recipient("2"),
    ]


def test_time_zone_is_the_recipients_own_and_no_variable() -> None:
    assert read("recipient_id,time_zone,name\n1, Asia/Tokyo ,Ann\n2,,\n") == [
        Recipient("1", {"name": "Ann"}, None, "Asia/Tokyo"),
        Recipient("2"),
    ]
    assert read('{"recipient_id": "1", "time_zone": "Asia/Tokyo"}\n') == [Recipient("1", time_zone="Asia/Tokyo")]


def test_ndjson_is_known_by_its_first_character() -> None:
    text = '{"recipient_id": "1", "variables": {"n": 1}}\n\n{"recipient_id": "2"}\n'
    assert read(text) == [Recipient("1", {"n": 1}), Recipient("2")]


def test_ndjson_keeps_the_written_form_of_numbers_and_refuses_what_is_none() -> None:
    good = '{"recipient_id": "1", "variables": {"sum": 1999.90}}'
    bad = '{"recipient_id": "2", "variables": {"sum": 1e999}}'
    first, second = read(f"{good}\n{bad}\n")
    assert first == Recipient("1", {"sum": "1999.90"})
    assert isinstance(second, BadLine)
    assert "a number beyond all bounds" in second.reason


def test_lines_are_read_one_at_a_time() -> None:
    def endless() -> object:
        yield "recipient_id\n"
        for number in range(1_000_000):
            assert number < 5, "read ahead"
            yield f"{number}\n"

    found = read_recipients(endless())  # type: ignore[arg-type]
    assert [next(found) for _ in range(4)] == [Recipient(str(n)) for n in range(4)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("psid,name\n1,a\n", "line 1: the first line must name the columns: recipient_id"),
        ("", "line 1: the first line must name the columns"),
        ("recipient_id,a,a\n1,2,3\n", "line 1: column 'a' stands there twice"),
        ("recipient_id,\n1,2\n", "line 1: a column has no name"),
        ("recipient_id\n1,2\n", "line 2: 2 columns instead of 1"),
        ("recipient_id,a\n\n ,2\n", "line 3: recipient_id is empty"),
        ("recipient_id,last_interaction_at\n1,yesterday\n", "line 2: last_interaction_at 'yesterday' is not a moment"),
        ("recipient_id,last_interaction_at\n1,2026-11-22 09:30\n", "line 2: last_interaction_at has no time zone"),
        ("recipient_id,time_zone\n1,Mars/Base\n", "line 2: time_zone 'Mars/Base' is unknown: write for"),
        ('{"recipient_id": "1", "time_zone": "Tokyo"}\n', "line 1: time_zone 'Tokyo' is unknown"),
        ("recipient_id\n1\udcff\n", "line 2: is not UTF-8"),
        ("recipient_id,a\n1,\udcff\n", "line 2: is not UTF-8"),
        ("recipient_id,a\n1,x\0\n", "line 2:"),
        ('recipient_id\n"1\n', "the lines after it were not read"),
        ("recipient_id,a\n1," + "x" * 200_000 + "\n", "field larger than field limit"),
        ('{"recipient_id": 1}\n', "line 1: Expected `str`, got `int` - at `$.recipient_id`"),
        ('{"recipient_id": "1", "name": "Ann"}\n', "line 1: Object contains unknown field `name`"),
        ('{"recipient_id": "1", "variables": []}\n', "line 1: Expected `object | null`, got `array`"),
        ('{"recipient_id": "1"\n', "line 1: Input data was truncated"),
        ('{"recipient_id": "1"}\n[]\n', "line 2: Expected `object`, got `array`"),
        ('{"recipient_id": ""}\n', "line 1: recipient_id is empty"),
        ('{"recipient_id": "1", "last_interaction_at": "2026-11-22T09:30:00"}\n', "line 1: last_interaction_at has no"),
        ('{"recipient_id": "1", "variables": {"a": "\\u0000"}}\n', "line 1: holds a NUL character"),
        ('{"recipient_id": "1", "variables": {"a": "\udcff"}}\n', "line 1: is not UTF-8"),
    ],
)
def test_unusable_line_is_named_with_what_is_wrong(text: str, expected: str) -> None:
    assert expected in problem(text)


def test_bad_line_does_not_hide_the_next_ones() -> None:
    found = read("recipient_id,a\n1\n2,x\n3\n")
    assert [str(line).split(":")[0] for line in found if isinstance(line, BadLine)] == ["line 2", "line 4"]
