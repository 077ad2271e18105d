"""The checker on made-up histories: silent about a good one, and a word for each way of going wrong."""

from __future__ import annotations

from collections import Counter

from schema.job import event_id, job_id
from tests.faults.checker import check
from tests.faults.history import Accepted, History, Row, RunRecord

PEOPLE = ["1", "2", "3", "4"]
OUTCOMES = ["sent", "unknown", "suppressed", "cancelled"]


def job(person: str) -> str:
    return job_id("r", person).hex()


def row(person: str, outcome: str, attempt: int = 1, error_class: str | None = None) -> Row:
    return Row(str(event_id(job_id("r", person), attempt)), "r", person, attempt, outcome, error_class)


def good() -> History:
    """One sent, one unknown that arrived, one suppressed by an answer, one cancelled unsent; the first was retried."""
    return History(
        enqueued={"r": list(PEOPLE)},
        accepted=[Accepted(job("1"), 2), Accepted(job("2"), 1)],
        rows=[
            row("1", "retrying", 1, "transient"),
            row("1", "sent", 2),
            row("2", "unknown", 1, "ambiguous"),
            row("3", "suppressed", 1, "recipient_window"),
            row("4", "cancelled", 0, "run_cancelled"),
        ],
        runs={"r": RunRecord("finished", 4, 0, Counter([*OUTCOMES, "retrying"]))},
        marks=[(job("1"), 1), (job("1"), 2), (job("2"), 1), (job("3"), 1)],
        settlements=[(job(p), o) for p, o in zip(PEOPLE, OUTCOMES, strict=True)],
    )


def found(history: History) -> set[tuple[str, str]]:
    return {(finding.kind, finding.recipient_id) for finding in check(history)}


def test_a_good_history_has_no_findings() -> None:
    assert check(good()) == []


def test_a_recipient_without_a_final_row_is_lost() -> None:
    history = good()
    del history.rows[3]
    assert found(history) == {("lost", "3"), ("counters", ""), ("unlogged", "3")}


def test_a_retry_that_nothing_follows_is_lost() -> None:
    history = good()
    history.rows.remove(row("1", "sent", 2))
    assert ("lost", "1") in found(history)


def test_two_final_rows_are_doubled() -> None:
    history = good()
    history.rows.append(row("2", "sent", 2))
    history.accepted.append(Accepted(job("2"), 2))
    history.marks.append((job("2"), 2))
    assert found(history) == {("doubled", "2"), ("counters", "")}


def test_one_event_with_two_dates_is_doubled() -> None:
    history = good()
    history.rows.append(row("1", "retrying", 1, "transient"))
    assert found(history) == {("doubled", ""), ("counters", "")}


def test_a_message_accepted_twice_is_doubled_unless_the_run_resends() -> None:
    history = good()
    history.rows[0] = row("1", "retrying", 1, "ambiguous")
    history.accepted.append(Accepted(job("1"), 1))
    assert found(history) == {("doubled", "1")}
    history.resending.add("r")
    assert found(history) == set()


def test_one_attempt_accepted_twice_is_doubled_whatever_the_run_says() -> None:
    history = good()
    history.resending.add("r")
    history.accepted.append(Accepted(job("1"), 2))
    history.marks.append((job("1"), 2))
    assert found(history) == {("doubled", "1")}


def test_sent_without_a_message_is_stale() -> None:
    history = good()
    history.accepted.remove(Accepted(job("1"), 2))
    assert found(history) == {("stale", "1")}


def test_a_message_of_an_attempt_that_is_said_to_have_failed_is_stale() -> None:
    for person, attempt in (("3", 1), ("1", 1)):
        history = good()
        history.accepted.append(Accepted(job(person), attempt))
        assert ("stale", person) in found(history)


def test_an_accepted_attempt_without_a_row_is_lost() -> None:
    history = good()
    history.accepted.append(Accepted(job("4"), 1))
    history.marks.append((job("4"), 1))
    assert found(history) == {("lost", "4")}


def test_a_run_that_has_not_finished_is_reported() -> None:
    history = good()
    history.runs["r"] = RunRecord("active", 4, 0, history.runs["r"].outcomes)
    assert found(history) == {("unfinished", "")}


def test_counters_must_add_up_and_agree_with_the_log() -> None:
    for record in (
        RunRecord("finished", 5, 0, Counter([*OUTCOMES, "retrying"])),
        RunRecord("finished", 4, -1, Counter([*OUTCOMES, "retrying"])),
        RunRecord("finished", 4, 0, Counter([*OUTCOMES])),
        RunRecord("finished", 4, 0, Counter(["sent", *OUTCOMES[:-1], "retrying"])),
    ):
        history = good()
        history.runs["r"] = record
        assert found(history) == {("counters", "")}


def test_a_message_without_a_mark_is_reported() -> None:
    history = good()
    history.marks.remove((job("2"), 1))
    assert found(history) == {("unmarked", "2")}


def test_a_message_that_left_more_often_than_it_was_marked_is_reported() -> None:
    history = good()
    history.accepted.append(Accepted(job("1"), 2))
    assert found(history) == {("doubled", "1"), ("unmarked", "1")}


def test_a_number_that_two_marks_have_is_doubled() -> None:
    history = good()
    history.marks.append((job("3"), 1))
    assert found(history) == {("doubled", "3")}


def test_two_accepted_settlements_are_doubled() -> None:
    history = good()
    history.settlements.append((job("2"), "sent"))
    assert found(history) == {("doubled", "2"), ("unlogged", "2")}


def test_messages_and_rows_for_strangers_are_reported() -> None:
    history = good()
    history.rows.append(row("9", "sent"))
    history.accepted.append(Accepted(job("9"), 1))
    history.marks.append((job("9"), 1))
    assert {kind for kind, _ in found(history)} == {"stranger", "counters"}
