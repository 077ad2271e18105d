"""Going through recipients without a trace: who would get it, who not and why."""

from __future__ import annotations

from typing import Any

from schema.run import Run
from sender.message.window import Now
from sender.runs.dry_run.examination import Examination
from sender.runs.rules.records import RecipientRow
from sender.runs.rules.surely_not_sent import Suppression

NOW_S = 1_800_000_000
NOW = Now(NOW_S * 1000, NOW_S * 1000)


def examined(text: str, *rows: RecipientRow, entries: dict[str, list[Suppression]] | None = None) -> Any:
    run = Run(run_id="r", page_id="100", message={"text": text}, expires_at_ms=2**53)
    examination = Examination(run, NOW, keep_window=True)
    examination.add(rows[:2], entries or {})
    examination.add(rows[2:], entries or {})
    return examination.report()


def row(who: str, variables: str | None = None, ago_s: float | None = 60) -> RecipientRow:
    return RecipientRow(who, variables, None if ago_s is None else NOW_S - ago_s)


def test_everybody_is_counted_once_in_one_place() -> None:
    found = examined(
        "Hi {{name}}",
        row("1", '{"name": "Ann"}'),
        row("2", '{"name": "Bo"}', ago_s=90_000),
        row("3"),
        row("x", '{"name": "Cy"}'),
        row("1", '{"name": "Again"}'),
        row("4", "not json"),
        row("5", '{"name": "Di"}'),
        entries={"5": [Suppression("5", "denied", 0.0)]},
    )
    assert (found.recipients, found.would_get, found.duplicates) == (7, 1, 1)
    assert {one.error_class: one.recipients for one in found.left_out} == {
        "missing_variable": 2,
        "recipient_window": 1,
        "invalid_recipient": 1,
        "recipient_denied": 1,
    }
    assert found.recipients == found.would_get + found.duplicates + sum(one.recipients for one in found.left_out)
    assert [(s.recipient_id, s.message) for s in found.samples] == [("1", {"text": "Hi Ann"})]
    assert found.stops == []


def test_examples_are_three_with_their_reasons() -> None:
    [left_out] = examined("Hi", *(row(str(n), ago_s=None) for n in range(9))).left_out
    assert (left_out.recipients, len(left_out.examples)) == (9, 3)
    assert left_out.examples[0] == {
        "recipient_id": "0",
        "reason": "nothing is known of when the person last wrote",
    }


def test_run_that_nobody_would_get_stops() -> None:
    assert examined("Hi", row("1", ago_s=None)).stops == [
        "nobody would get it, such as 1: nothing is known of when the person last wrote"
    ]
    assert examined("Hi", row("1")).stops == []


def test_three_samples_are_filled_in() -> None:
    found = examined("Hi {{name|there}}", row("1", '{"name": "Ann"}'), row("2"), row("3"), row("4"))
    assert [sample.message["text"] for sample in found.samples] == ["Hi Ann", "Hi there", "Hi there"]
