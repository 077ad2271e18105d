"""Traces of single messages: run → claim → POST → event → row, told by three services that need not speak of it.

A job's id is its trace's id, and the ids of its spans follow from it: so every process names the same parents, and the
same share of the messages, and no record of a queue or a topic carries anything for it. Nothing of OpenTelemetry is
imported unless TRACES_SHARE is more than 0.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
import trio

from schema.job import JOB_ID_BYTES, job_id
from schema.runtime.trace_settings import TraceSettings

if TYPE_CHECKING:
    from schema.runtime.open_telemetry import Spans

_CLOSE_WITHIN_S = 2.0
"""How long the last spans of a process may take: what is not out by then is lost, and nothing waits for it."""

About = Mapping[str, str | int]
"""A span's attributes."""


class Step(StrEnum):
    """What happens to a message, each the parent of the next; the names of the spans."""

    RUN = "run"
    """Put into the queue: the root, once a message."""
    CLAIM = "claim"
    """From its claim until it leaves, or ends without having left; like the following, once an attempt."""
    POST = "POST"
    EVENT = "event"
    """Into the topic."""
    ROW = "row"
    """Into the log database."""


def span_id(job: bytes, step: Step, attempt: int) -> int:
    """Return the 64 bits that name this step of this attempt: the same for every repetition. Of no use to RUN: 0."""
    number = 0 if step is Step.RUN else attempt
    return int.from_bytes(blake2b(job + number.to_bytes(4, "big") + step.encode(), digest_size=8).digest())


def parent_of(step: Step, attempt: int) -> Step | None:
    """Return the step that an attempt's step follows; attempt 0 is one that never left."""
    match step:
        case Step.RUN:
            return None
        case Step.CLAIM:
            return Step.RUN
        case Step.POST:
            return Step.CLAIM
        case Step.EVENT:
            return Step.POST if attempt else Step.CLAIM
        case Step.ROW:
            return Step.EVENT


class Share:
    """Chooses messages by their job's id, as OpenTelemetry's TraceIdRatioBased; a larger share has all of a smaller.

    Args:
        share: from 0 to 1.
    """

    def __init__(self, share: float) -> None:
        self._below = round(share * 2**64)

    def __contains__(self, job: bytes) -> bool:
        return int.from_bytes(job[8:JOB_ID_BYTES]) < self._below


class _Named(msgspec.Struct):
    """Of a log event, what names its attempt."""

    run_id: str
    recipient_id: str
    attempt: int


_decoder = msgspec.json.Decoder(_Named)


class Traces:
    """Tells of the chosen messages. Every method returns at once and never fails.

    Args:
        share: which messages.
        spans: takes what is told.
        topic: name of the log topic, for those who tell of events.
    """

    def __init__(self, share: float, spans: Spans, topic: str = "") -> None:
        self.share = Share(share)
        self._spans = spans
        self._topic = topic

    def tell(
        self, step: Step, job: bytes, attempt: int, times_ns: tuple[int, int], about: About, *, failed: bool = False
    ) -> None:
        """Tell of one step of a chosen message; times in ns since 1970, of this machine's clock."""
        parent = parent_of(step, attempt)
        parent_id = None if parent is None else span_id(job, parent, attempt)
        ids = int.from_bytes(job), span_id(job, step, attempt), parent_id
        self._spans.add(step, ids, times_ns, about, failed=failed)

    def tell_enqueued(self, run_id: str, page_id: str, records: Iterable[bytes], began_ns: int) -> None:
        """Tell of jobs that were put into the queue just now."""
        times_ns, about = (began_ns, time.time_ns()), {"newar.run_id": run_id, "newar.page_id": page_id}
        for record in records:
            if record in self.share:
                self.tell(Step.RUN, record[:JOB_ID_BYTES], 0, times_ns, about)

    def tell_events(
        self,
        step: Step,
        events: Iterable[tuple[bytes, int, int]],
        began_ns: int,
        failed: Collection[tuple[int, int]] = (),
    ) -> None:
        """Tell of events that have come a step further just now.

        Args:
            step: EVENT or ROW.
            events: each with the partition and the offset where it stands.
            began_ns: when this was begun.
            failed: those that did not.
        """
        times_ns = began_ns, time.time_ns()
        for event, *place in events:
            try:
                named = _decoder.decode(event)
            except msgspec.DecodeError:
                continue
            job = job_id(named.run_id, named.recipient_id)
            if named.recipient_id and job in self.share:  # a record that could not be decoded does not say whose it is
                about: About = {
                    "messaging.system": "kafka",
                    "messaging.destination.name": self._topic,
                    "messaging.destination.partition.id": str(place[0]),
                    "messaging.kafka.offset": place[1],
                }
                self.tell(step, job, named.attempt, times_ns, about, failed=tuple(place) in failed)


@asynccontextmanager
async def open_traces(settings: TraceSettings, service: str, topic: str = "") -> AsyncIterator[Traces | None]:
    """Yield what tells of messages, None when nothing is wanted. Trio; at the end what is told goes out, or is lost."""
    if not settings.traces_share:
        yield None
        return
    from schema.runtime.open_telemetry import Spans  # noqa: PLC0415 - an extra, and half a second

    spans = Spans(settings, service)
    try:
        yield Traces(settings.traces_share, spans, topic)
    finally:
        with trio.move_on_after(_CLOSE_WITHIN_S, shield=True):
            await trio.to_thread.run_sync(spans.close, abandon_on_cancel=True)
