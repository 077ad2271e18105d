"""Sorting out a page of recipients by what the log says of them."""

from __future__ import annotations

from sender.runs.rules.records import RecipientRow
from sender.runs.rules.still_to_send import Standing, StillToSend, still_to_send

PAGE = list(map(RecipientRow, ("1", "2", "2", "3", "4")))


def ids(still: StillToSend) -> list[str]:
    return [row[0] for row in still.rows]


def test_all_of_a_run_that_never_was_in_another_queue() -> None:
    assert still_to_send(PAGE, None, {}) == StillToSend(PAGE, {}, {})


def test_who_has_ended_is_left_out_and_counted_once() -> None:
    standing = {"1": Standing(1, "sent"), "2": Standing(3, "sent"), "4": Standing(1, "failed")}
    still = still_to_send(PAGE, None, standing)
    assert (ids(still), still.attempts, still.ended) == (["3"], {}, {"sent": 2, "failed": 1})


def test_who_is_being_retried_goes_on_from_the_last_attempt() -> None:
    still = still_to_send(PAGE, None, {"2": Standing(2, None)})
    assert (ids(still), still.attempts, still.ended) == (["1", "2", "2", "3", "4"], {"2": 2}, {})


def test_who_is_not_chosen_does_not_count() -> None:
    still = still_to_send(PAGE, {"2", "3"}, {"1": Standing(1, "sent"), "2": Standing(1, "sent")})
    assert (ids(still), still.ended) == (["3"], {"sent": 1})
