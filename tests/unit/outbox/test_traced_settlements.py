"""What is told of an attempt when it is settled: claim and POST, once, and only if it was ours."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import trio

from schema.job import Job, job_id
from schema.outcomes import ErrorClass, Outcome
from schema.runtime.traces import Traces
from sender.figures import Figures
from sender.graph.api.classify import Answer
from sender.outbox.ending import Ending
from sender.outbox.traced_settlements import TracedSettlements
from sender.outbox.unacknowledged import Unacknowledged
from sender.queue.claimed_job import ClaimedJob
from sender.queue.held_jobs import HeldJobs
from sender.queue.session_queue import Settlement

SENT, UNKNOWN = Ending(outcome=Outcome.SENT), Ending(outcome=Outcome.UNKNOWN, error_class=ErrorClass.AMBIGUOUS)
REFUSED = Ending(outcome=Outcome.SUPPRESSED, error_class=ErrorClass.RECIPIENT_WINDOW)


class Told:
    """The spans, with their times in hundreds of seconds before now: so that a busy machine makes no difference."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, tuple[int, int], Mapping[str, Any], bool]] = []

    def add(self, name: str, _ids: object, times_ns: tuple[int, int], about: Any, *, failed: bool = False) -> None:
        began, ended = (round((time.time_ns() - at) / 1e11) for at in times_ns)
        self.spans.append((name, (began, ended), about, failed))

    @property
    def steps(self) -> list[tuple[str, tuple[int, int], Any, bool]]:
        return [(name, ago, about.get("newar.outcome"), failed) for name, ago, about, failed in self.spans]


class Queue:
    """A queue that finds what it is told to find."""

    session = "s"
    ours = True

    async def settle(self, _number: int, group: list[Settlement], *, session: str) -> tuple[list[bool], list[Any]]:
        return [self.ours] * len(group), []


async def at_once(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


class Desk:
    """Settlements, and what they tell."""

    def __init__(self, share: float = 1) -> None:
        self.told, self.queue, held = Told(), Queue(), HeldJobs(10)
        held.renewed(trio.current_time(), time.time_ns() // 1000)
        parts: tuple[Any, ...] = (self.queue, held, at_once, Figures(held.redis_now_us), Unacknowledged())
        traces = Traces(share, self.told)  # type: ignore[arg-type]  # all that it asks of one
        self.settlements = TracedSettlements(traces, *parts, sender_id="x", enough=1)

    async def settle(self, job: ClaimedJob, ending: Ending, **more: Any) -> None:
        self.settlements.settle(job, ending, **more)
        async with trio.open_nursery() as nursery:
            await nursery.start(self.settlements.group.run)
            await self.settlements.group.flush()
            nursery.cancel_scope.cancel()


def job(*, claimed: bool = True, marked: bool = True, **more: Any) -> ClaimedJob:
    return ClaimedJob(
        id=job_id("r", "7001"),
        content=Job("7001"),
        run_id="r",
        page_id="1",
        session="s",
        attempt=2,
        claimed_at=trio.current_time() - 500 if claimed else 0.0,
        sent_at_us=time.time_ns() // 1000 - 400_000_000 if marked else 0,
        **more,
    )


async def test_an_answer_is_a_claim_and_a_post() -> None:
    desk = Desk()
    answer = Answer(error_class=None, http_status=200, message_id="m", fbtrace_id="f" * 1000, message="Hello 7001")
    await desk.settle(job(), SENT, answer=answer, latency_ms=300_000.0)
    assert desk.told.steps == [("claim", (5, 3), None, False), ("POST", (3, 0), "sent", False)]
    assert desk.told.spans[1][2] == {
        "newar.run_id": "r",
        "newar.page_id": "1",
        "newar.attempt": 2,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "newar.fbtrace_id": "f" * 100,
        "newar.outcome": "sent",
    }


async def test_a_message_that_never_left_has_no_post() -> None:
    desk = Desk()
    await desk.settle(job(marked=False), REFUSED, reason="wrote long ago")
    assert desk.told.steps == [("claim", (5, 0), "suppressed", False)]
    assert desk.told.spans[0][2]["newar.attempt"] == 0


async def test_what_was_taken_over_was_on_its_way_since_its_mark() -> None:
    desk = Desk()
    await desk.settle(job(claimed=False), UNKNOWN, reason="its sender was gone")
    assert desk.told.steps == [("claim", (4, 4), None, False), ("POST", (4, 0), "unknown", True)]


@pytest.mark.parametrize(("share", "ours", "corrupt"), [(1, False, None), (0.0, True, None), (1, True, "no record")])
async def test_of_others_nothing_is_told_and_nothing_kept(share: float, ours: bool, corrupt: str | None) -> None:
    desk = Desk(share)
    desk.queue.ours = ours
    await desk.settle(job(corrupt=corrupt), SENT)
    assert desk.told.spans == []
    assert vars(desk.settlements)["_ended"] == {}


async def test_what_goes_back_is_not_told() -> None:
    desk = Desk()
    desk.settlements.give_back(job(marked=False))
    await desk.settle(job(), SENT, latency_ms=1.0)
    assert [name for name, *_ in desk.told.steps] == ["claim", "POST"]
