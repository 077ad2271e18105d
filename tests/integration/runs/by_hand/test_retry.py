"""Retrying those whom a run did not reach: who is chosen, who never is, and what the child run carries."""

from __future__ import annotations

import io
from typing import Any

import pytest
import trio

from schema.outcomes import ErrorClass
from schema.runtime.asyncio_door import aio
from sender.runs.by_hand.errors import RunMisdescribed, RunUnusable
from sender.runs.by_hand.retry import Retry, Wish, retry
from sender.runs.by_hand.submit import SubmittedRun, submit
from sender.runs.databases.source_views import Source, Views
from tests.integration.runs.world import World


async def process(db: World) -> None:
    """Let the processors of both sources look: a retry is taken by one and filled by that of its recipients."""
    await db.turn(db.processor("submitted"))
    await db.turn()
    await db.turn(db.processor("submitted"))


def end(db: World, run_id: str, **ends: tuple[str, str | None]) -> None:
    """End a run by hand: recipient `r1` -> (outcome, class)."""
    for recipient, (outcome, error_class) in ends.items():
        db.log(run_id, recipient.removeprefix("r"), outcome, error_class=error_class)
    db.sql("UPDATE runs SET state = 'finished', recipients = %s WHERE run_id = %s", len(ends), run_id)


async def ended_run(db: World, **ends: tuple[str, str | None]) -> str:
    run = db.run(*(recipient.removeprefix("r") for recipient in ends))
    await db.turn()
    end(db, run, **ends)
    return run


async def again(
    db: World, parent: str, *classes: ErrorClass, name: str = "child", message: dict[str, Any] | None = None
) -> Retry:
    source = Source("source", db.database(), Views())
    rows = await source.runs([parent])
    wish = Wish(parent_run_id=parent, run_id=name, classes=classes, message=message, who="ana@ops-1")
    return await aio(retry, db.url, wish, rows[0] if rows else None, db.box)


SENT = ("sent", None)
FAILED = ("failed", "transient")
UNKNOWN = ("unknown", "ambiguous")


async def test_child_has_those_who_failed_for_a_passing_reason_and_nobody_else(db: World) -> None:
    run = await ended_run(
        db,
        r1=SENT,
        r2=FAILED,
        r3=("failed", "recipient_permanent"),
        r4=UNKNOWN,
        r5=("suppressed", "recipient_window"),
        r6=("failed", "auth_page"),
        r7=("cancelled", "run_cancelled"),
        r8=FAILED,
    )
    db.log(run, "1", "retrying", attempt=2, error_class="transient")
    made = await again(db, run)
    assert (made.recipients, made.rows_missing) == (3, 0)
    await process(db)
    assert db.recipients("child") == ["2", "6", "8"]
    row, facts = db.registered("child"), await db.facts("child")
    assert row is not None
    assert (row["parent_run_id"], row["message"], row["source"]) == (run, {"text": "Hi {{first_name|there}}"}, "source")
    assert (facts.recipients, facts.left, facts.outcomes, facts.enqueued) == (3, 3, {}, True)


async def test_child_reads_the_variables_anew_and_has_its_own_jobs(db: World) -> None:
    db.sql("INSERT INTO subscribers VALUES ('100', '2', 'Ann', now())")
    run = await ended_run(db, r1=FAILED, r2=FAILED)
    db.sql("UPDATE subscribers SET first_name = 'Anna'")
    await again(db, run)
    await process(db)
    assert [(job.variables, job.attempts) for job in db.jobs("child")] == [
        ({"first_name": None}, 0),
        ({"first_name": "Anna"}, 0),
    ]


async def test_class_by_hand_chooses_whatever_the_outcome(db: World) -> None:
    run = await ended_run(
        db, r1=("expired", "run_expired"), r2=("suppressed", "recipient_window"), r3=FAILED, r4=UNKNOWN
    )
    made = await again(db, run, ErrorClass.RUN_EXPIRED, ErrorClass.RECIPIENT_WINDOW)
    assert made.recipients == 2
    await process(db)
    assert db.recipients("child") == ["1", "2"]


async def test_who_may_have_it_already_is_chosen_only_when_just_that_is_asked_for(db: World) -> None:
    run = await ended_run(db, r1=UNKNOWN, r2=FAILED, r3=SENT)
    await again(db, run, ErrorClass.AMBIGUOUS)
    await process(db)
    assert db.recipients("child") == ["1"]


async def test_whom_an_earlier_retry_has_reached_or_may_have_is_not_sent_to_again(db: World) -> None:
    run = await ended_run(db, r1=FAILED, r2=FAILED, r3=FAILED, r4=SENT)
    await again(db, run, name="first")
    await process(db)
    end(db, "first", r1=SENT, r2=UNKNOWN, r3=FAILED)
    made = await again(db, run, name="second")
    assert [(end.outcome, end.reached, end.recipients) for end in (*made.chosen, *made.others)] == [
        ("failed", False, 1),
        ("failed", True, 2),
        ("sent", False, 1),
    ]
    await process(db)
    assert db.recipients("second") == ["3"]
    end(db, "second", r3=SENT)
    with pytest.raises(RunUnusable, match="nobody ended as failed"):
        await again(db, run, name="third")


async def test_retry_of_a_retry_chooses_from_it_and_reads_from_the_first_run(db: World) -> None:
    db.sql("INSERT INTO subscribers VALUES ('100', '2', 'Ann', now())")
    run = await ended_run(db, r1=FAILED, r2=FAILED, r3=FAILED)
    await again(db, run, name="first")
    await process(db)
    end(db, "first", r1=SENT, r2=FAILED, r3=("failed", "recipient_permanent"))
    await again(db, "first", name="second")
    await process(db)
    assert [(job.recipient_id, job.variables) for job in db.jobs("second")] == [("2", {"first_name": "Ann"})]
    end(db, "second", r2=SENT)
    with pytest.raises(RunUnusable, match="nobody ended as failed"):
        await again(db, "second", name="third")
    await again(db, run, name="third")
    await process(db)
    assert db.recipients("third") == ["3"], "who failed for good in the first retry failed for a passing reason before"


async def test_another_retry_waits_for_the_end_of_the_one_before(db: World) -> None:
    run = await ended_run(db, r1=FAILED)
    await again(db, run, name="first")
    for _ in range(2):  # submitted, then taken
        with pytest.raises(RunUnusable, match="first of the same recipients is not finished yet"):
            await again(db, run, name="second")
        await process(db)


async def test_of_two_retries_at_once_one_is_stored(db: World) -> None:
    run = await ended_run(db, r1=FAILED)
    refused: list[str] = []

    async def one(name: str) -> None:
        try:
            await again(db, run, name=name)
        except RunUnusable:
            refused.append(name)

    async with trio.open_nursery() as nursery:
        for name in ("a", "b", "c"):
            nursery.start_soon(one, name)
    assert len(refused) == 2
    assert len(db.sql("SELECT run_id FROM submitted_runs")) == 1


async def test_another_retry_waits_until_the_log_has_what_the_one_before_came_to(db: World) -> None:
    run = await ended_run(db, r1=FAILED, r2=FAILED)
    await again(db, run, name="first")
    await process(db)
    end(db, "first", r1=FAILED)
    db.sql("UPDATE runs SET recipients = 2 WHERE run_id = 'first'")
    with pytest.raises(RunUnusable, match="the log has 1 of the 2 outcomes of first"):
        await again(db, run, name="second")
    db.log("first", "2", "sent")
    await again(db, run, name="second")
    await process(db)
    assert db.recipients("second") == ["1"]


async def test_another_retry_needs_the_rows_of_the_one_before_and_not_only_its_figures(db: World) -> None:
    """Whom it has reached on a day that is gone, nobody knows: its figures only count them."""
    run = await ended_run(db, r1=FAILED, r2=FAILED)
    await again(db, run, name="first")
    await process(db)
    end(db, "first", r1=SENT, r2=FAILED)
    db.sql("UPDATE run_figures SET first_at = first_at - interval '9 days' WHERE run_id = 'first'")
    with pytest.raises(RunUnusable, match=r"no more the rows of first.*: retry first itself or submit a new run"):
        await again(db, run, name="second")


async def test_a_first_retry_counts_without_the_rows_but_only_people_whose_rows_are_there(db: World) -> None:
    run = await ended_run(db, r1=FAILED, r2=FAILED, r3=SENT)
    db.sql("DELETE FROM message_logs WHERE recipient_id = '2'")
    told = await again(db, run, name="first")
    assert [(end.outcome, end.recipients) for end in (*told.chosen, *told.others)] == [("failed", 2), ("sent", 1)]
    db.sql("DELETE FROM submitted_runs")
    db.sql("DELETE FROM submitted_selections")
    db.sql("UPDATE run_figures SET first_at = first_at - interval '9 days' WHERE outcome = 'failed'")
    told = await again(db, run, name="second")
    assert ([(end.outcome, end.recipients) for end in (*told.chosen, *told.others)], told.rows_missing) == (
        [("failed", 1), ("sent", 1)],
        1,
    )


async def test_runs_that_cannot_be_retried_are_refused_with_the_reason(db: World) -> None:
    with pytest.raises(RunUnusable, match="no run has the id"):
        await again(db, "nobody's")
    run = db.run("1")
    await db.turn()
    with pytest.raises(RunUnusable, match="is not finished but enqueuing"):
        await again(db, run)
    end(db, run, r1=SENT)
    with pytest.raises(RunUnusable, match="nobody ended as failed"):
        await again(db, run)
    assert db.sql("SELECT count(*) FROM submitted_runs") == [0]


async def test_outcomes_that_the_log_lacks_are_counted(db: World) -> None:
    run = await ended_run(db, r1=FAILED)
    db.sql("UPDATE runs SET recipients = 5")
    assert (await again(db, run)).rows_missing == 4


async def test_child_has_the_sealed_token_and_the_window_of_the_parent(db: World) -> None:
    run = await ended_run(db, r1=FAILED)
    db.change(run, send_window="09:00-21:00")
    await again(db, run)
    [(token, window)] = db.sql("SELECT page_access_token, send_window FROM submitted_runs")
    assert token.startswith("sealed:")
    assert db.box.open(token) == "secret-token"
    assert window == "09:00-21:00"


async def test_submitted_run_is_retried_with_its_token_and_its_recipients(db: World) -> None:
    parent = SubmittedRun(run_id="s", page_id="200", page_access_token="own-token", message={"text": "Hi {{name}}"})
    await aio(submit, db.url, io.StringIO("recipient_id,name\n1,Ann\n2,Bob\n3,Cy\n"), parent, db.box, "ana")
    await process(db)
    end(db, "s", r1=SENT, r2=FAILED, r3=FAILED)
    await again(db, "s")
    await process(db)
    assert [(job.recipient_id, job.variables) for job in db.jobs("child")] == [
        ("2", {"name": "Bob"}),
        ("3", {"name": "Cy"}),
    ]
    [stored] = db.sql("SELECT page_access_token FROM submitted_runs WHERE run_id = 'child'")
    assert db.box.open(stored) == "own-token"


async def test_many_recipients_are_chosen_page_by_page(db: World) -> None:
    names = [f"r{n}" for n in range(100, 150)]
    run = await ended_run(db, **{name: FAILED if int(name[1:]) % 3 == 0 else SENT for name in names})
    await again(db, run)
    await process(db)
    assert db.recipients("child") == [str(n) for n in range(100, 150) if n % 3 == 0]


async def test_outcomes_of_the_parent_do_not_change(db: World) -> None:
    run = await ended_run(db, r1=FAILED, r2=SENT)
    before = (db.registered(run), db.sql("SELECT to_jsonb(message_logs) FROM message_logs ORDER BY recipient_id"))
    await again(db, run)
    await process(db)
    await db.keep_books()
    rows = db.sql("SELECT to_jsonb(message_logs) FROM message_logs WHERE run_id = %s ORDER BY recipient_id", run)
    assert (db.registered(run), rows) == before


MENDED_TEXT = {"text": "Hi {{first_name|you}}"}
ENDS = {
    "r1": SENT,
    "r2": FAILED,
    "r3": UNKNOWN,
    "r4": ("failed", "bad_payload"),
    "r5": ("failed", "missing_variable"),
    "r6": ("failed", "text_too_long"),
    "r7": ("cancelled", "run_cancelled"),
    "r8": ("expired", "run_expired"),
    "r9": ("failed", "recipient_permanent"),
    "r10": ("suppressed", "recipient_window"),
    "r11": ("suppressed", "recipient_gone"),
    "r12": ("suppressed", "recipient_denied"),
    "r13": ("failed", "policy_page"),
    "r14": ("failed", "invalid_recipient"),
}


async def test_mended_message_goes_to_those_whom_the_first_one_or_its_end_kept_from_it(db: World) -> None:
    run = await ended_run(db, **ENDS)
    made = await again(db, run, message=MENDED_TEXT)
    assert sorted(end.error_class for end in made.chosen) == [
        *("bad_payload", "missing_variable", "run_cancelled", "run_expired", "text_too_long", "transient")
    ]
    assert {(end.outcome, end.error_class, end.recipients) for end in made.others} == {
        *((outcome, error_class or "", 1) for outcome, error_class in ENDS.values())
    } - {(end.outcome, end.error_class, 1) for end in made.chosen}
    await process(db)
    assert db.recipients("child") == ["2", "4", "5", "6", "7", "8"]
    row = db.registered("child")
    assert row is not None
    assert (row["message"], row["parent_run_id"]) == (MENDED_TEXT, run)


async def test_class_narrows_and_widens_with_a_mended_message_too(db: World) -> None:
    run = await ended_run(db, **ENDS)
    made = await again(db, run, ErrorClass.BAD_PAYLOAD, ErrorClass.AMBIGUOUS, message=MENDED_TEXT)
    assert made.recipients == 2
    await process(db)
    assert db.recipients("child") == ["3", "4"]


async def test_whom_the_mended_message_has_reached_gets_no_third_one(db: World) -> None:
    run = await ended_run(db, r1=("failed", "bad_payload"), r2=("cancelled", "run_cancelled"), r3=SENT)
    await again(db, run, name="first", message=MENDED_TEXT)
    await process(db)
    end(db, "first", r1=SENT, r2=("failed", "text_too_long"))
    await again(db, run, name="second", message={"text": "Hi"})
    await process(db)
    assert db.recipients("second") == ["2"]


async def test_mended_message_has_the_limit_of_its_own_kind(db: World) -> None:
    run = await ended_run(db, r1=("failed", "bad_payload"))
    video = {"attachment": {"type": "video", "payload": {"attachment_id": "1"}}}
    await again(db, run, message=video)
    await process(db)
    assert ((await db.facts(run)).content, (await db.facts("child")).content) == ("text", "media")


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({}, "message is empty"),
        ({"text": "Hi {{name"}, "{{ without }}"),
        ({"text": "a\0b"}, "message holds a NUL character"),
        ({"text": "Hi", "metadata": 7}, "must be a string"),
    ],
)
async def test_message_that_would_be_refused_is_refused_at_once(
    db: World, message: dict[str, Any], problem: str
) -> None:
    run = await ended_run(db, r1=("failed", "bad_payload"))
    db.sql("UPDATE runs SET tag = 'ACCOUNT_UPDATE', messaging_type = 'MESSAGE_TAG'")
    with pytest.raises(RunMisdescribed, match="no longer works") as caught:
        await again(db, run, message=message)
    assert problem in str(caught.value)
    assert db.sql("SELECT count(*) FROM submitted_runs") == [0]


async def test_who_made_a_retry_stands_in_the_audit_trail(db: World) -> None:
    run = await ended_run(db, r1=("failed", "bad_payload"), r2=FAILED)
    await again(db, run, message=MENDED_TEXT)
    [(who, what, target, detail)] = db.sql("SELECT who, what, target, detail FROM audit")
    assert (who, what, target) == ("ana@ops-1", "run retry", "child")
    assert detail == f"another message to those of {run}: 1 bad_payload, 1 transient"
