"""Who stands aside: the same whom the sender would refuse, told by the same words."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

from schema.job import Aside, decode_record, job_id
from schema.run import Run
from sender.message.window import WINDOW_MARGIN_MS, WINDOW_MS, Now
from sender.runs.rules.records import RecipientRow, records
from sender.runs.rules.surely_not_sent import NotSent, Suppression, agreed

NOON_S = 1_800_014_400.0
NOON_MS = 1_800_014_400_000
NOON = Now(NOON_MS, NOON_MS)
DENIED = [Suppression("1", "denied", NOON_S)]
GONE = [Suppression("1", "recipient_gone", NOON_S, "r0")]


def run(text: str = "Hi {{name}}", message: dict[str, Any] | None = None, **more: Any) -> Run:
    return Run(run_id="r", page_id="7", message=message or {"text": text}, expires_at_ms=NOON_MS, **more)


def why_not(
    row: RecipientRow,
    *,
    of: Run | None = None,
    now: Now | None = None,
    entries: list[Suppression] | None = None,
    rules_off: Collection[str] = (),
) -> Aside | None:
    """Return why this recipient stands aside; None: it does not."""
    found = NotSent(of or run("Hi"), now, rules_off=rules_off).sort_out([row], {}, {row[0]: entries or []})
    assert (found.rows == [row]) == (not found.asides)
    return decode_record(found.asides[0])[1].aside if found.asides else None


def short(aside: Aside | None) -> tuple[str, str] | None:
    return None if aside is None else (aside.outcome, aside.error_class)


def test_nobody_stands_aside_without_a_reason() -> None:
    assert why_not(RecipientRow("1", None, None)) is None
    assert why_not(RecipientRow("1", '{"name": "Ann"}', None), of=run()) is None


def test_who_lacks_a_variable_or_has_an_unusable_id_stands_aside() -> None:
    assert why_not(RecipientRow("1", '{"nam": "Ann"}', None), of=run()) == Aside(
        "failed", "missing_variable", "the variable name is missing"
    )
    assert why_not(RecipientRow("1", None, None), of=run("Hi {{name|there}}")) is None
    assert short(why_not(RecipientRow("one", None, None))) == ("failed", "invalid_recipient")
    assert short(why_not(RecipientRow("1", json.dumps({"name": "x" * 2001}), None), of=run())) == (
        "failed",
        "text_too_long",
    )
    assert short(why_not(RecipientRow("1", None, None), of=run("x" * 2001))) == ("failed", "text_too_long")


@pytest.mark.parametrize("variables", ["[1]", '"Ann"', "7", "{", '{"name": "Ann", "x": 1e999}'])
def test_whose_variables_cannot_be_read_gets_no_fallback_for_them(variables: str) -> None:
    assert short(why_not(RecipientRow("1", variables, None), of=run("Hi {{name|you}}"))) == (
        "failed",
        "missing_variable",
    )
    assert why_not(RecipientRow("1", variables, None), of=run("Hi")) is None


_BUTTON = {"type": "web_url", "url": "https://example.com/{{path}}", "title": "{{title}}"}
_PAYLOAD = {"template_type": "button", "text": "{{text}}", "buttons": [_BUTTON]}
BUTTONS = {"attachment": {"type": "template", "payload": _PAYLOAD}}
FITS = {"text": "x" * 640, "title": "x" * 20, "path": ""}


@pytest.mark.parametrize(
    ("change", "position", "rule"),
    [
        ({"text": "x" * 641}, "text", "button-text"),
        ({"text": " "}, "text", "blank-text"),
        ({"title": "S3cret " * 3}, "buttons[0].title", "button-title"),
        ({"path": "a b"}, "buttons[0].url", "url"),
    ],
)
def test_whose_filled_in_message_breaks_a_rule_of_its_form_stands_aside(
    change: dict[str, str], position: str, rule: str
) -> None:
    assert why_not(RecipientRow("1", json.dumps(FITS)), of=run(message=BUTTONS)) is None
    row = RecipientRow("1", json.dumps(FITS | change))
    reason = f"message.attachment.payload.{position}, filled in, breaks the rule {rule}"
    assert why_not(row, of=run(message=BUTTONS)) == Aside("failed", "bad_payload", reason)
    assert why_not(row, of=run(message=BUTTONS), rules_off=[rule]) is None


def test_a_text_of_nothing_but_a_fallback_that_is_empty_goes_to_nobody() -> None:
    aside = why_not(RecipientRow("1", None), of=run("{{name|}}"))
    assert aside == Aside("failed", "bad_payload", "message.text, filled in, breaks the rule blank-text")


def test_a_message_that_was_taken_with_a_broken_rule_is_sent_all_the_same() -> None:
    taken = run(message={"text": "Hi {{name}}", "new_key": "{{name}}"})
    assert why_not(RecipientRow("1", '{"name": "Ann"}'), of=taken) is None


def test_a_message_that_nobody_can_read_is_left_to_the_sender() -> None:
    assert why_not(RecipientRow("1", None, None), of=run("Hi {{name")) is None


def test_the_window_is_kept_where_the_time_is_known_and_the_type_asks_for_it() -> None:
    last_in_time_s = (NOON_MS - WINDOW_MS + WINDOW_MARGIN_MS + 1) / 1000
    assert why_not(RecipientRow("1", None, last_in_time_s), now=NOON) is None
    assert short(why_not(RecipientRow("1", None, last_in_time_s - 0.001), now=NOON)) == (
        "suppressed",
        "recipient_window",
    )
    assert short(why_not(RecipientRow("1", None, None), now=NOON)) == ("suppressed", "recipient_window")
    assert why_not(RecipientRow("1", None, None), now=None) is None
    assert why_not(RecipientRow("1", None, None), now=NOON, of=run("Hi", messaging_type="UTILITY")) is None


@pytest.mark.parametrize(("later_s", "stands"), [(None, True), (-60.0, True), (0.0, True), (0.001, False)])
def test_who_is_gone_stands_aside_until_writing_again(later_s: float | None, stands: bool) -> None:
    aside = why_not(RecipientRow("1", None, None if later_s is None else NOON_S + later_s), entries=GONE)
    assert short(aside) == (("suppressed", "recipient_gone") if stands else None)
    assert aside is None or "2027-01-15T12:00:00+00:00" in aside.reason


def test_a_moment_that_cannot_be_true_neither_opens_the_window_nor_lifts() -> None:
    later = RecipientRow("1", None, NOON_S + 3600)
    assert short(why_not(later, now=NOON)) == ("suppressed", "recipient_window")
    assert short(why_not(later, now=NOON, entries=GONE)) == ("suppressed", "recipient_gone")
    utility = run("Hi", messaging_type="UTILITY")
    assert short(why_not(later, now=NOON, of=utility, entries=GONE)) == ("suppressed", "recipient_gone")
    assert why_not(later, now=NOON, of=utility) is None
    assert why_not(later, now=None, entries=GONE) is None  # nobody is left out by clocks that disagree


def test_who_is_denied_stands_aside_also_after_writing_again_and_for_that_reason() -> None:
    assert why_not(RecipientRow("1", None, NOON_S + 60), entries=[*GONE, *DENIED], now=NOON) == Aside(
        "suppressed", "recipient_denied", "on the page's deny list"
    )


def test_a_recipient_twice_stands_aside_once_with_all_that_a_job_holds() -> None:
    rows = [
        *(RecipientRow("1", '{"name": "Ann"}', 1.5), RecipientRow("1")),
        *(RecipientRow("2", '{"name": "Bob"}'), RecipientRow("2"), RecipientRow("3")),
    ]
    found = NotSent(run(), None).sort_out(rows, {"1": 2}, {"1": GONE})
    assert found.rows == rows[2:4]
    (first, gone), (third, lacking) = map(decode_record, found.asides)
    assert (first, third) == (job_id("r", "1"), job_id("r", "3"))
    assert (gone.recipient_id, gone.variables, gone.last_interaction_ms, gone.attempts) == (
        "1",
        {"name": "Ann"},
        1500,
        2,
    )
    assert (lacking.recipient_id, lacking.attempts) == ("3", 0)
    assert [decode_record(record)[1].recipient_id for record in records("r", found.rows)] == ["2"]


def test_the_time_is_known_where_two_clocks_agree() -> None:
    assert agreed(1000, 1300, 300) == agreed(1300, 1000, 300) == Now(1000, 1300)
    assert agreed(1000, 1301, 300) is None
    assert agreed(1301, 1000, 300) is None
