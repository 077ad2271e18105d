"""The sender service: its connections and its nursery tree."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
import trio
from redis.asyncio import Redis

from schema.runtime.asyncio_door import aio
from schema.runtime.process import ThisProcess
from schema.runtime.publish import publish_snapshots
from schema.runtime.redis import open_redis
from schema.runtime.stop import Stop
from schema.runtime.traces import Traces, open_traces
from schema.snapshot import ProcessSnapshot, SenderSnapshot
from sender.delivery.delivery import Delivery
from sender.delivery.dispatcher import Dispatcher
from sender.delivery.graph_outage import GraphOutage
from sender.delivery.marks import Marks
from sender.delivery.run_contexts import RunContexts
from sender.figures import Figures
from sender.graph.http.dial import tls_context
from sender.graph.http.origin import Origin
from sender.graph.http.pool import Pool
from sender.graph.http.proxy import ProxySettings
from sender.open_files import make_room
from sender.outbox.relay import Relay
from sender.outbox.settlement import Settlements
from sender.outbox.traced_settlements import TracedSettlements
from sender.outbox.unacknowledged import Unacknowledged
from sender.queue.held_jobs import HeldJobs
from sender.queue.page_queue import PageQueue
from sender.queue.permissions import Permissions
from sender.queue.replica_outage import ReplicaOutage
from sender.queue.session_queue import Limits, SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.rules.rule_table import RuleTable, load
from sender.session.drain import Drain
from sender.session.lease import Lease
from sender.session.lost_jobs import LostJobs
from sender.session.takeover import Takeover
from sender.settings import SenderSettings

log = structlog.get_logger()

_SETTLE_WITHIN_S = 10.0
"""How long the last settlements and events may take after the sending has ended."""
_CLOSE_WITHIN_S = 1.0


class Sender:
    """The parts of one sender process, put together."""

    def __init__(self, settings: SenderSettings, stop: Stop, redis: Redis, traces: Traces | None = None) -> None:
        self.settings = settings
        self.stop = stop
        self.process = _this_process(settings)
        lease_s = settings.lease_ms / 1000
        self.until_answered = until_answered = UntilAnswered(lease_s)
        self.permissions = Permissions(redis)
        self.held = HeldJobs(lease_s)
        self.figures = Figures(self.held.redis_now_us)
        queue = SessionQueue(redis, _limits(settings), lease_ms=settings.lease_ms)
        pages = PageQueue(redis)
        self.pool = _pool(settings)
        unacknowledged = Unacknowledged()
        self.relay = Relay(settings, redis, unacknowledged, traces)
        make_settlements = Settlements if traces is None else partial(TracedSettlements, traces)
        self.settlements = make_settlements(
            queue,
            self.held,
            until_answered,
            self.figures,
            unacknowledged,
            sender_id=self.process.id,
            enough=(settings.worker_concurrency * settings.graph_batch_size + 1) // 2,
        )
        contexts = RunContexts(queue, pages, until_answered, settings)
        lost_jobs = LostJobs(queue, self.held, contexts, self.settlements)
        self.lease = Lease(
            queue, self.held, self.settlements, lost_jobs, until_answered, self.figures, on_session=self.relay.adopt
        )
        self.takeover = Takeover(queue, until_answered, lost_jobs, lease_s=lease_s)
        self.drain = Drain(queue, self.held, self.settlements, until_answered)
        self.graph_outage = GraphOutage()
        self.replica_outage = ReplicaOutage(queue, until_answered)
        enough = (settings.worker_concurrency + 1) // 2
        self.marks = Marks(queue, self.held, until_answered, self.figures, self.replica_outage, enough=enough)
        self.delivery = Delivery(
            pool=self.pool,
            origin=Origin.from_url(settings.graph_api_url),
            graph_outage=self.graph_outage,
            marks=self.marks,
            rules=_rules(settings),
            settlements=self.settlements,
            held=self.held,
            figures=self.figures,
            settings=settings,
        )
        self.dispatcher = Dispatcher(
            queue=queue,
            contexts=contexts,
            delivery=self.delivery,
            graph_outage=self.graph_outage,
            replica_outage=self.replica_outage,
            pages=pages,
            settlements=self.settlements,
            held=self.held,
            figures=self.figures,
            until_answered=until_answered,
            settings=settings,
            stop=stop,
        )

    def snapshot(self) -> ProcessSnapshot:
        """Return this process's figures."""
        self.figures.second_over()
        return self.process.snapshot(
            SenderSnapshot(
                rates=self.figures.rates(),
                outcomes=dict(self.figures.outcomes),
                latency_counts=self.figures.latencies.counts(),
                latency_counts_ever=self.figures.latencies.counts_ever(),
                latency_sum_ms=self.figures.latencies.sum_ms,
                to_first_byte_counts=self.figures.to_first_byte.counts(),
                to_settlement_counts=self.figures.to_settlement.counts(),
                busy_tasks=self.figures.busy_tasks,
                tasks=self.settings.worker_concurrency,
                http=self.pool.figures(),
                stale_settlements=self.figures.stale_settlements,
                malformed_headers=self.figures.malformed_headers,
                unknown_codes=self.figures.unknown_codes,
                graph_down=self.graph_outage.down,
                replicas_missing=self.replica_outage.down,
                kafka_down=self.relay.broker_down,
                redis_clock_ahead_s=self.figures.redis_clock_ahead_s,
            ),
        )


async def serve(
    settings: SenderSettings, stop: Stop, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Send until a stop is requested. The caller has opened the asyncio loop and listens for signals.

    keeping (outlives whatever ends the others, for the last settlement)
    ├── lease.keep, settlements.group
    └── services
        ├── relay, marks.group, takeover, pool.retire_idle, publish_snapshots
        └── _work: the dispatcher, its sender tasks, the drain
    Cancelled from outside, or by a service that failed, it stops as at a second signal.

    Raises:
        SettingsError: more connections than this process may have open files, or rules that cannot hold.
    """
    make_room(settings.max_sockets)
    redis = open_redis(settings.redis_url.get_secret_value())
    async with open_traces(settings, "sender", settings.kafka_topic) as traces:
        sender = Sender(settings, stop, redis, traces)
        log.info("sender_starts", **settings.expectations())

        async def obey() -> None:
            await _serve(sender, redis, ready=lambda: task_status.started())  # noqa: PLW0108 - linters look for this call

        try:
            await stop.outlast(obey)
        finally:
            with trio.move_on_after(1, shield=True):
                await sender.pool.aclose()
                await aio(redis.aclose)


async def _serve(sender: Sender, redis: Redis, *, ready: Callable[[], None]) -> None:
    async with trio.open_nursery() as keeping:
        if await _open_session(sender, keeping):
            await keeping.start(sender.settlements.group.run)
            try:
                async with trio.open_nursery() as services:
                    await _start_services(sender, services, redis)
                    ready()
                    ends_at = await _settled(sender)
                    await _relayed(sender, ends_at)
                    services.cancel_scope.cancel()
            finally:
                with trio.move_on_after(_CLOSE_WITHIN_S, shield=True):  # last: until then the lease is renewed
                    await sender.lease.give_up()
        keeping.cancel_scope.cancel()


async def _open_session(sender: Sender, keeping: trio.Nursery) -> bool:
    """Wait for Redis, and for what it must let us do, or for a stop (False)."""
    with trio.CancelScope() as opening:

        async def give_up() -> None:
            await sender.stop.requested.wait()
            opening.cancel()

        keeping.start_soon(give_up)
        await sender.until_answered(sender.permissions.demand)
        await keeping.start(sender.lease.keep)
    return not opening.cancelled_caught


async def _start_services(sender: Sender, services: trio.Nursery, redis: Redis) -> None:
    await services.start(sender.marks.group.run)
    await services.start(sender.takeover.run)
    await services.start(sender.pool.retire_idle)
    services.start_soon(aio, sender.relay.run)
    services.start_soon(publish_snapshots, redis, sender.snapshot, sender.figures.seconds)


async def _settled(sender: Sender) -> float:
    """Work, and settle what came of it, however the work ended; return until when the rest may take (Trio's clock)."""
    try:
        await sender.stop.outlast(partial(_work, sender))
    finally:
        ends_at = trio.current_time() + _SETTLE_WITHIN_S
        await sender.stop.at_last(sender.settlements.group.flush, ends_at)  # noqa: ASYNC102 - it is shielded in there
    return ends_at


async def _work(sender: Sender) -> None:
    """Claim and send until a stop is requested and everything in flight has ended, or the drain time is over."""
    stop, scope = sender.stop, trio.CancelScope()
    async with trio.open_nursery() as enforcing:
        enforcing.start_soon(_enforce, sender, scope)
        with scope:
            async with trio.open_nursery() as work:
                work.start_soon(stop.at_error, sender.dispatcher.run)
                work.start_soon(stop.at_error, partial(sender.drain.run, stop.requested))
                for _ in range(sender.settings.worker_concurrency):
                    work.start_soon(stop.at_error, sender.dispatcher.work)
        enforcing.cancel_scope.cancel()


async def _enforce(sender: Sender, work: trio.CancelScope) -> None:
    await sender.stop.enforce(work)
    with trio.move_on_at(sender.stop.ends_at):
        await sender.stop.given_up.wait()
    sender.delivery.give_up()


async def _relayed(sender: Sender, ends_at: float) -> None:
    """Wait until the broker has everything; what it has not by then stays in the outbox."""

    async def relay() -> None:
        await aio(sender.relay.until_acknowledged)
        await sender.settlements.log_again()  # an empty outbox may be one that was lost
        await aio(sender.relay.until_acknowledged)

    if not await sender.stop.at_last(relay, ends_at):
        log.warning("stopped_unsettled", held=len(sender.held), note="other senders take over")


def _this_process(settings: SenderSettings) -> ThisProcess:
    shown = (
        *("worker_concurrency", "max_sockets", "graph_api_version", "graph_batch_size"),
        *("rate_limit_per_page", "rate_limit_per_page_media", "rate_limit_max_jobs_per_second", "outbox_limit"),
    )
    process_id = f"{socket.gethostname()}-{os.getpid()}-sender"
    return ThisProcess("sender", process_id, {name: getattr(settings, name) for name in shown})


def _rules(settings: SenderSettings) -> RuleTable:
    return load(settings.rules_file, settings.circuit_breaker_threshold, settings.circuit_breaker_cooldown_ms)


def _pool(settings: SenderSettings) -> Pool:
    return Pool(
        max_sockets=settings.max_sockets,
        tls=tls_context(Path(settings.graph_ca_file) if settings.graph_ca_file else None),
        proxy=ProxySettings.from_environment(),
    )


def _limits(settings: SenderSettings) -> Limits:
    return Limits(
        text=settings.rate_limit_per_page,
        media=settings.rate_limit_per_page_media,
        app=settings.rate_limit_max_jobs_per_second,
        batch=settings.graph_batch_size,
        outbox=settings.outbox_limit,
    )
