"""Which messages of a run may go, which wait for what, and the word for it all."""

from __future__ import annotations

from typing import Any

import pytest

from ops.board.runs.run_answers import Cause, CauseName, RunStatus
from ops.board.runs.run_status import NOTHING, Waiting, of_queue, waiting
from sender.queue.survey import Unfinished, Zone
from tests.unit.board.runs.seen import NOW_S

LATER, BEFORE = (NOW_S + 60) * 1000, (NOW_S - 60) * 1000


def causes(*names: CauseName) -> list[Cause]:
    return [Cause(name, "") for name in names]


def jobs(left: int, **more: Any) -> Unfinished:
    return Unfinished(run_id="r", page_id="1", left=left, **more)


ZONES = (Zone("Asia/Tokyo", 30, LATER), Zone("Europe/Berlin", 5, 0.0), Zone("Asia/Tehran", 2, BEFORE))


@pytest.mark.parametrize(
    ("of", "held_by", "rate", "expected"),
    [
        (jobs(40, waiting=40), (), None, Waiting(40, 0, {})),
        (jobs(40, waiting=30, held=6), (), None, Waiting(30, 6, {"retry": 4})),
        (jobs(40, waiting=30, held=-1), (), None, Waiting(30, None, {})),
        (jobs(40, waiting=30, held=4, aside=6), (), None, Waiting(30, 4, {"drain": 6})),
        (jobs(47, waiting=10, zones=ZONES), (), None, Waiting(17, 0, {"recipient_hours": 30})),
        (jobs(40, waiting=40), ("operator",), None, Waiting(0, 0, {"operator": 40})),
        (jobs(40, waiting=30), ("operator",), None, Waiting(0, 0, {"operator": 30, "retry": 10})),
        (jobs(40, waiting=40), ("brake", "page_paused", "window"), None, Waiting(0, 0, {"brake": 40})),
        (jobs(47, waiting=10, zones=ZONES), ("breaker",), None, Waiting(0, 0, {"breaker": 47})),
        (jobs(47, waiting=10, zones=ZONES), ("window",), None, Waiting(7, 0, {"window": 10, "recipient_hours": 30})),
        (jobs(40, waiting=40), ("throttled",), 11.2, Waiting(12, 0, {"throttled": 28})),
        (jobs(9, waiting=9), ("throttled",), 12.0, Waiting(9, 0, {})),
        (jobs(40, waiting=40), ("page_paused", "throttled"), 12.0, Waiting(0, 0, {"page_paused": 40})),
        (jobs(40, waiting=30, aside=4, held=6, state="cancelled"), (), None, Waiting(0, 6, {"drain": 34})),
        (jobs(40, waiting=40, state="expired"), ("no_sender",), None, Waiting(0, 0, {"drain": 40})),
        (jobs(0), (), None, NOTHING),
        (jobs(3, waiting=5), (), None, Waiting(5, 0, {})),  # read while it changes: never below nothing
    ],
)
def test_each_message_is_counted_once(
    of: Unfinished, held_by: tuple[CauseName, ...], rate: float | None, expected: Waiting
) -> None:
    found = waiting(of, causes(*held_by), NOW_S, rate)
    assert (found.may_go, found.in_flight, found.waits) == (expected.may_go, expected.in_flight, expected.waits)
    if of.held >= 0 and of.left >= of.waiting:
        assert found.may_go + (found.in_flight or 0) + sum(found.waits.values()) == of.left


@pytest.mark.parametrize(
    ("state", "ended_as", "held_by", "where", "status"),
    [
        ("enqueuing", None, (), Waiting(5, 0, {}), RunStatus.FILLING),
        ("enqueuing", None, (), NOTHING, RunStatus.FILLING),
        ("enqueuing", None, ("operator",), Waiting(0, 0, {"operator": 5}), RunStatus.WAITING),
        ("active", None, (), Waiting(5, 0, {}), RunStatus.SENDING),
        ("active", None, (), Waiting(0, 5, {}), RunStatus.SENDING),
        ("active", None, ("operator",), Waiting(0, 3, {"operator": 5}), RunStatus.WAITING),
        ("active", None, ("throttled",), Waiting(12, 0, {"throttled": 28}), RunStatus.WAITING),
        ("active", None, ("throttled",), Waiting(9, 0, {}), RunStatus.SENDING),
        ("active", None, ("recipient_hours",), Waiting(5, 0, {"recipient_hours": 2}), RunStatus.SENDING),
        ("active", None, ("recipient_hours",), Waiting(0, 0, {"recipient_hours": 2}), RunStatus.WAITING),
        ("active", None, ("retry",), Waiting(0, 1, {"retry": 2}), RunStatus.SENDING),
        ("active", None, ("retry",), Waiting(0, 0, {"retry": 2}), RunStatus.WAITING),
        ("active", None, ("window", "recipient_hours"), Waiting(5, 0, {"window": 2}), RunStatus.SENDING),
        ("active", None, ("window",), Waiting(0, 0, {"window": 2}), RunStatus.WAITING),
        ("active", None, ("no_sender",), Waiting(0, 0, {"no_sender": 2}), RunStatus.WAITING),
        ("active", None, ("breaker",), None, RunStatus.WAITING),
        ("active", None, (), None, RunStatus.SENDING),
        ("cancelled", None, ("no_sender",), Waiting(0, 0, {"drain": 2}), RunStatus.DRAINING),
        ("expired", None, (), Waiting(0, 0, {"drain": 2}), RunStatus.DRAINING),
        ("finished", "complete", (), NOTHING, RunStatus.FINISHED),
        ("finished", "cancelled", (), NOTHING, RunStatus.CANCELLED),
        ("finished", "expired", (), NOTHING, RunStatus.EXPIRED),
        ("finished", None, (), NOTHING, RunStatus.FINISHED),
        ("refused", None, (), None, RunStatus.REFUSED),
    ],
)
def test_status_is_one_word(
    state: str, ended_as: str | None, held_by: tuple[CauseName, ...], where: Waiting | None, status: RunStatus
) -> None:
    assert of_queue(state, ended_as, causes(*held_by), where) is status
