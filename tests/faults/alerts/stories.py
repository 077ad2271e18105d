"""How each alert is made to fire and to clear: another alert needs one function here, and its place in `STORIES`.

A story breaks something, waits with `fires`, and mends it; whoever plays it waits until all of its alerts are clear.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from schema.keys import key
from tests.faults.alerts.world import World, people

TRAFFIC, BRAKED, EXPIRED = people(60_000, 7_000_000_000), people(60, 7_100_000_000), people(10, 7_200_000_000)

REFUSED = "bad_payload_no_message_2018015"
DIFFERENT_FAILURES = (
    "recipient_unavailable_551",
    "bad_payload_empty_button_title_2018053",
    "bad_payload_attachment_too_large_2018109",
)
"""None of them so frequent that it brakes the run."""

BAD_NEWS = ("NewarRunRefused", "NewarWebhooksGivenUp", "NewarDeadLetters")


class Story(NamedTuple):
    """What happens, and the alerts that tell of it."""

    tell: Callable[[World], Awaitable[None]]
    alerts: tuple[str, ...]


def story(*alerts: str) -> Callable[[Callable[[World], Awaitable[None]]], Story]:
    """Say which alerts a function makes fire."""
    return lambda tell: Story(tell, alerts)


@story(
    "NewarManyFailures",
    "NewarUnknownErrorCodes",
    "NewarUnknownOutcomes",
    "NewarUsageHeadersMalformed",
    "NewarConnectionsNotReused",
)
async def the_graph_api_misbehaves(world: World) -> None:
    errors = {
        **dict.fromkeys(DIFFERENT_FAILURES, 0.12),
        "undescribed_424242": 0.05,
        "fault_reset_after_full_request": 0.05,
        "fault_close_idle_keepalive": 0.2,
    }
    await world.graph(errors=errors, usage={"*": "no JSON"})
    await world.fires(*the_graph_api_misbehaves.alerts)
    await world.graph(errors={}, usage={})


@story("NewarRunsBraked")
async def a_message_is_refused_for_everybody(world: World) -> None:
    world.submit("braked", BRAKED, page="200")
    await world.fires("NewarRunsBraked")
    await world.act("runs/braked/cancel")


@story("NewarBreakersOpen")
async def a_token_expires(world: World) -> None:
    world.submit("expired", EXPIRED, page="300")
    await world.fires("NewarBreakersOpen")
    await world.graph(people={REFUSED: BRAKED})
    world.sql("UPDATE submitted_runs SET page_access_token = 'renewed' WHERE run_id = 'expired'")


@story(
    "NewarLocalServerDown",
    "NewarPartUnreachable",
    "NewarIngestFallsBehind",
    "NewarSourceNotPolled",
    "NewarSourceTrouble",
)
async def the_log_database_does_not_come_back(world: World) -> None:
    needed = world.data / "postgres/cluster/global/pg_control"
    kept = needed.rename(needed.with_name("kept"))
    os.mkfifo(needed)  # who reads this waits
    world.server("postgres").kill()
    await world.fires(*the_log_database_does_not_come_back.alerts)
    kept.rename(needed)
    world.server("postgres").kill()


@story("NewarOutboxGrows", "NewarIngestWithoutPartitions")
async def the_broker_hangs(world: World) -> None:
    broker = world.server("kafka")
    broker.suspend()
    another = world.start("ingest")
    await world.fires(*the_broker_hangs.alerts)
    broker.resume()
    another.signal(signal.SIGTERM)


@story("NewarServiceMissing", "NewarQueueStandsStill", "NewarStaleSettlements")
async def newar_hangs_and_comes_back(world: World) -> None:
    sessions: Any = world.redis().zrange(key("sessions"), 0, -1)
    world.up.signal(signal.SIGSTOP)
    await world.fires("NewarServiceMissing", "NewarQueueStandsStill")
    await world.until(lambda: _missing(world) == {"sender", "ingest", "runs"}, "all services to be missed")
    world.start("sender")
    await world.until(lambda: world.redis().zscore(key("sessions"), sessions[0]) is None, "a takeover")
    world.up.signal(signal.SIGCONT)
    await world.fires("NewarStaleSettlements")


def _missing(world: World) -> set[str]:
    firing = [alert["labels"] for alert in world.prometheus.firing()]
    return {labels["service"] for labels in firing if labels["alertname"] == "NewarServiceMissing"}


@story("NewarRunsLost")
async def redis_is_emptied(world: World) -> None:
    await world.fires("NewarStaleSettlements")
    world.redis().flushall()
    await world.fires("NewarRunsLost")
    await world.act("runs/traffic/recover", patiently=True)


@story("NewarTopicMadeAgain", "NewarCannotBeSeen", *BAD_NEWS)
async def the_broker_is_another_until_newar_starts_again(world: World) -> None:
    """It begins with bad news, counted before Prometheus looks at the new process for the first time."""
    world.platform.status = 500
    world.submit("short", people(5, 7_500_000_000), page="500")
    world.server("kafka").kill()
    await world.fires("NewarTopicMadeAgain")
    await world.until(lambda: world.sql("SELECT 1 FROM run_webhooks WHERE tries > 0") != [], "news that is not taken")
    world.up.signal(signal.SIGSTOP)
    world.submit("refused", people(10, 7_400_000_000), page="100", message="{}")
    world.sql("UPDATE run_webhooks SET at = at - interval '2 days', next_try_at = now()")
    world.up.kill(with_its_servers=True)
    await world.fires("NewarCannotBeSeen")
    with world.prometheus.looking_away():
        await world.up.start()
        await world.until_counted("newar_runs_refused_total", 0)
        await world.until_counted("newar_webhooks_given_up_total", 0)
    await world.produce(b"no event")
    await world.fires(*BAD_NEWS)


@story("NewarPausedByHand")
async def somebody_pauses_everything(world: World) -> None:
    await world.fires(*BAD_NEWS)
    await world.act("pause")
    await world.fires("NewarPausedByHand")
    await world.act("resume")


@story("NewarRedisFull", "NewarRedisReserveUsed")
async def redis_is_full(world: World) -> None:
    await world.fires(*BAD_NEWS)
    redis = world.redis()
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] * 0.7))
    world.submit("later", people(100, 7_300_000_000), page="400")
    await world.fires("NewarRedisFull", "NewarRedisReserveUsed")
    redis.config_set("maxmemory", 0)


STORIES: tuple[tuple[Story, ...], ...] = (
    (the_graph_api_misbehaves, a_message_is_refused_for_everybody, a_token_expires),
    (the_log_database_does_not_come_back,),  # before the group of the ingest is disturbed: it takes long to settle
    (the_broker_hangs,),
    (newar_hangs_and_comes_back, redis_is_emptied),
    (the_broker_is_another_until_newar_starts_again, somebody_pauses_everything, redis_is_full),
)
"""A row after the other; those of one row side by side, where one may wait for an alert of another."""


async def begin(world: World) -> None:
    """Let messages go out, enough of them for all stories."""
    await world.graph(people={REFUSED: BRAKED, "token_expired_463": EXPIRED})
    world.submit("traffic", TRAFFIC, page="100")
    await world.until_counted("newar_attempts_total", 50)
