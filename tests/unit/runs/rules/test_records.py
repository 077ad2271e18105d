"""Recipients as job records."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schema.job import CorruptRecord, Job, decode_record, job_id, person_hash
from sender.runs.rules.records import RecipientRow, records


def jobs(*rows: RecipientRow) -> list[Job]:
    return [decode_record(record)[1] for record in records("r", list(rows))]


def job(recipient_id: str, *more: Any) -> Job:
    """A job as it is read from its record."""
    return replace(Job(recipient_id, *more), person=person_hash(recipient_id))


def test_record_carries_id_variables_and_last_interaction() -> None:
    [record] = records("r", [RecipientRow("123", '{"name": "Ann"}', 1_700_000_000.25)])
    assert decode_record(record) == (job_id("r", "123"), job("123", {"name": "Ann"}, 1_700_000_000_250))


def test_record_carries_the_recipients_own_time_zone() -> None:
    assert [one.time_zone for one in jobs(RecipientRow("1", time_zone="Asia/Tokyo"), RecipientRow("2"))] == [
        "Asia/Tokyo",
        None,
    ]


def test_recipient_that_stands_there_twice_becomes_one_job() -> None:
    assert [one.recipient_id for one in jobs(*map(RecipientRow, ("1", "1", "2")))] == ["1", "2"]


def test_recipient_id_of_any_kind_is_kept_as_it_is() -> None:
    garbage = " 12\n", "not a number", "💥", "x" * 10_000
    assert [one.recipient_id for one in jobs(*map(RecipientRow, garbage))] == list(garbage)


@pytest.mark.parametrize("text", ["null", '{"x":1e999}', "[1]", '"Ann"', "7", "{", "[" * 5000, ""])
def test_recipient_with_unusable_variables_is_kept_without_them(text: str) -> None:
    assert jobs(RecipientRow("1", text, None)) == [job("1", None)]


def test_number_too_wide_for_a_record_is_kept_as_text() -> None:
    text = '{"order": 123456789012345678901234567890, "below": -9223372036854775809, "small": 5}'
    wide = {"order": "123456789012345678901234567890", "below": "-9223372036854775809", "small": 5}
    assert jobs(RecipientRow("1", text, None)) == [job("1", wide)]


def test_of_a_list_and_an_object_is_kept_that_they_are_one() -> None:
    kept: dict[str, Any] = {"list": [], "object": {}, "object.a": {}}
    assert jobs(RecipientRow("1", '{"list": [1, [2]], "object": {"a": {}}}')) == [job("1", kept)]


def test_endless_last_interaction_becomes_the_end_of_time() -> None:
    assert jobs(RecipientRow("1", None, float("inf")), RecipientRow("2", None, float("-inf"))) == [
        job("1", None, 253_370_764_799_000),
        job("2", None, 0),
    ]


def test_variables_nested_however_deep_can_be_written_and_read() -> None:
    for depth in range(300, 1100):
        [one] = jobs(RecipientRow("1", '{"a":' * depth + str(2**64) + "}" * depth))
        assert one.variables is None or (one.variables["a"] == {} and len(one.variables) == 8)


def test_record_nested_too_deep_to_be_read_here_is_corrupt() -> None:
    nested = b"\x81\xa1a" * 100_000 + b"\x01"  # {"a": {"a": ... 1}}
    with pytest.raises(CorruptRecord):
        decode_record(job_id("r", "1") + b"\x92\xa11" + nested)
