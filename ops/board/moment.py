"""What is known at one moment. Each figure is made from it once, however many ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec

from ops.board import merge, queue_figures
from ops.board.answers import CircuitBreaker, HttpClient, Ingest, Overview, Performance, QueueAnswer
from ops.board.reading import Reading
from ops.board.run_rates import RunRates
from ops.board.runs.causes import Holding
from schema.event import at_us
from schema.snapshot import ProcessSnapshot

OVERVIEW_FAILURES = 25
OVERVIEW_OTHER_RUNS = 25


@dataclass(frozen=True)
class Moment:
    """One reading and the processes that were running then."""

    reading: Reading
    processes: list[ProcessSnapshot]
    holding: Holding
    """What holds runs at that moment."""
    rates: RunRates

    @cached_property
    def performance(self) -> Performance:
        """The senders' figures."""
        return merge.performance(self.processes)

    @cached_property
    def http_client(self) -> HttpClient:
        """The connection pools' figures."""
        return merge.http_client(self.processes)

    @cached_property
    def queue(self) -> QueueAnswer:
        """The queue's figures."""
        return queue_figures.queue(self.holding, self.rates)

    @cached_property
    def circuit_breaker(self) -> CircuitBreaker:
        """The breakers that are not closed."""
        return queue_figures.breakers(self.reading)

    @cached_property
    def ingest(self) -> Ingest:
        """The ingest's figures."""
        return merge.ingest(self.processes)

    @cached_property
    def summary(self) -> Overview:
        """What the start page shows."""
        busiest = {run.run_id for run in self.queue.runs}
        newest = queue_figures.newest_runs(self.holding, self.rates)
        return Overview(
            at=at_us(int(self.reading.at_s * 1e6)),
            messages_per_second=self.performance.messages_per_second,
            outcomes=self.performance.outcomes,
            latency_ms=self.performance.latency_ms,
            queue=self.queue,
            breaker=self.circuit_breaker,
            ingest=self.ingest,
            http_client=self.http_client,
            other_runs=[run for run in newest if run.run_id not in busiest][:OVERVIEW_OTHER_RUNS],
            failures=queue_figures.failures(self.reading, OVERVIEW_FAILURES),
            processes=merge.process_rows(self.processes),
        )

    @cached_property
    def overview(self) -> bytes:
        """The JSON of the summary."""
        return msgspec.json.encode(self.summary)
