"""The log topic's partitions and settings, and what each may cost. Pure: judges what the broker told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ops.doctor.finding import Finding, judged
from ops.doctor.quantities import how_large, how_long
from schema.topic import PARTITIONS

PART = "kafka"
Settings = Mapping[str, str | None]
"""Name -> value, as DescribeConfigs tells them. One that is missing is not known."""

_DAY_MS = 24 * 3600 * 1000
_LEAST_MS = 10 * 60 * 1000
"""A restart of the log database takes no longer; with less, events are lost by what happens every month."""
EVENT_BYTES = 500
"""About what an event takes in the topic without compression."""
_FULL_SPEED = 420
"""Events a second in one partition when 5,000 go through 12."""
_LARGEST_EVENT = 16 * 1024
"""Four ids of 500 characters, an error's text of 500 and Meta's two ids, at 4 bytes a character, in JSON."""
_RELAY_BATCH = 256 * 1024
"""What a sender puts into one batch. A batch that is refused is halved, down to single events."""
_TOPIC = "KAFKA_TOPIC"
_NUMBER = re.compile(r"-?[0-9]{1,19}")


def partition_findings(partitions: Sequence[Mapping[str, Any]], brokers: int) -> list[Finding]:
    """Judge how many there are, how many copies, and whether all can be used now."""
    copies = min((len(p["replicas"]) for p in partitions), default=0)
    headless = sorted(p["partition"] for p in partitions if p["leader"] < 0)
    behind = sorted(p["partition"] for p in partitions if len(p["isr"]) < len(p["replicas"]))
    found = [_number(len(partitions)), _copies(copies, brokers)]
    if headless:
        text = f"{_named(headless)} no leader: what belongs there can be neither written nor read"
        found.append(Finding(PART, "fail", text, "start the brokers that are missing (kafka-topics --describe)"))
    if behind:
        text = f"{_named(behind)} copies that are not in sync: another failure may lose events or stop writing"
        found.append(Finding(PART, "warn", text, "look after the brokers that lag or are missing"))
    return found


def _named(partitions: list[int]) -> str:
    some = ", ".join(map(str, partitions[:12])) + (", …" if len(partitions) > 12 else "")
    return f"partition{'s' if len(partitions) > 1 else ''} {some} ha{'ve' if len(partitions) > 1 else 's'}"


def _number(partitions: int) -> Finding:
    text = f"the topic has {partitions} partitions: as many ingests can share the work"
    mend = (
        f"kafka-topics --alter --partitions {PARTITIONS}. Most pages then move to another partition: no row is lost or "
        "doubled, but for a moment two ingests may write of one page, and its newest rows come in out of order"
    )
    return judged(PART, partitions >= PARTITIONS, text, otherwise=text, mend=mend, status="warn")


def _copies(copies: int, brokers: int) -> Finding:
    return judged(
        PART,
        copies > 1 or brokers == 1,
        f"{copies} cop{'y' if copies == 1 else 'ies'} of each partition",
        otherwise="one copy of each partition, though there are several brokers",
        mend="raise the topic's replication factor to 3 (kafka-reassign-partitions)",
        status="warn",
    )


def setting_findings(topic: str, settings: Settings, partitions: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Judge the topic's settings, beginning with how long events wait for an ingest or log database that is away."""
    found = [
        *_retention(settings),
        *_in_sync(settings, partitions),
        *_size(settings),
        *_unclean(settings),
        *_clock(settings),
    ]
    return [msgspec.structs.replace(finding, mend=finding.mend.replace(_TOPIC, topic)) for finding in found]


def _retention(settings: Settings) -> Iterator[Finding]:
    policy = settings.get("cleanup.policy")
    if policy is None:
        yield unknown("cleanup.policy", "delete")
    elif "compact" in policy:
        text = f"cleanup.policy = {policy}: of a page's events only the newest is kept, the others never become rows"
        yield Finding(PART, "fail", text, _set("cleanup.policy=delete"))
    elif "delete" not in policy:  # nothing at all, since Kafka 4.1
        yield Finding(PART, "ok", "keeps events for ever: cleanup.policy deletes none. Its disk will fill up")
        return
    local = settings.get("redpanda.remote.write") == "true" and settings.get("redpanda.remote.read") == "false"
    ms, size = ("retention.local.target.ms", "retention.local.target.bytes") if local else ("retention.ms", _SIZE)
    yield retention(ms, settings.get(ms))
    yield from retained_bytes(size, settings.get(size))


_SIZE = "retention.bytes"


def retention(name: str, value: str | None) -> Finding:
    """Judge for how long events are kept."""
    kept_ms = whole_number(value)
    if kept_ms is None:
        return unknown(name, f"{7 * _DAY_MS} (7 days)")
    if kept_ms < 0:
        return Finding(PART, "ok", "keeps events for ever, as far as time goes")
    text = f"keeps events for {how_long(kept_ms)}"
    mend = f"{_set(f'{name}={7 * _DAY_MS}')} (7 days): a log database that is away for longer loses rows"
    return judged(PART, kept_ms >= _DAY_MS, text, otherwise=text, mend=mend, status=_status(kept_ms))


def retained_bytes(name: str, value: str | None) -> Iterator[Finding]:
    """Judge how many bytes of each partition are kept, by how soon they are full of events."""
    kept = whole_number(value)
    if kept is None:
        yield unknown(name, "-1 (no limit)")
    elif kept >= 0:
        ms = 1000 * kept // EVENT_BYTES // _FULL_SPEED
        text = (
            f"keeps {how_large(kept)} of each partition, about {kept // EVENT_BYTES:,} events: at full speed, "
            f"{_FULL_SPEED} a second, those of {how_long(ms)}"
        )
        day = _FULL_SPEED * EVENT_BYTES * 24 * 3600
        mend = f"{_set(f'{name}=-1')}, or {day} for a day: a log database that is away for longer loses rows"
        yield judged(PART, ms >= _DAY_MS, text, otherwise=text, mend=mend, status=_status(ms))


def _status(kept_ms: int) -> Literal["warn", "fail"]:
    return "fail" if kept_ms < _LEAST_MS else "warn"


def _in_sync(settings: Settings, partitions: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    wanted = whole_number(settings.get("min.insync.replicas"))
    copies = min((len(p["replicas"]) for p in partitions), default=0)
    in_sync = min((len(p["isr"]) for p in partitions), default=0)
    if wanted is None:
        yield unknown("min.insync.replicas", "2 of 3 copies, or 1 of 1")
    elif wanted > copies:
        text = (
            f"min.insync.replicas = {wanted} of {copies}: nothing can be written, events wait in Redis until it is full"
        )
        yield Finding(PART, "fail", text, _set(f"min.insync.replicas={max(1, copies - 1)}"))
    elif wanted > in_sync:
        text = f"min.insync.replicas = {wanted}, but {in_sync} in sync: nothing can be written to some partitions now"
        yield Finding(PART, "fail", text, "start the brokers that are missing")
    elif wanted == 1 and copies > 1:
        text = (
            f"min.insync.replicas = 1 of {copies}: an event may be acknowledged that only one broker has, and be lost"
        )
        yield Finding(PART, "warn", text, _set("min.insync.replicas=2"))
    else:
        yield Finding(PART, "ok", f"takes an event when {wanted} of {copies} have it (min.insync.replicas)")


def _size(settings: Settings) -> Iterator[Finding]:
    most = whole_number(settings.get("max.message.bytes"))
    mend = _set("max.message.bytes=1048588")
    if most is None:
        yield unknown("max.message.bytes", "1048588")
    elif most < _LARGEST_EVENT:
        text = (
            f"max.message.bytes = {most}: an event may have {_LARGEST_EVENT}; one that is refused holds up all others"
        )
        yield Finding(PART, "fail", text, mend)
    elif most < _RELAY_BATCH:
        text = f"max.message.bytes = {most}: batches of {_RELAY_BATCH} are refused and cut, which is slower"
        yield Finding(PART, "warn", text, mend)


def _unclean(settings: Settings) -> Iterator[Finding]:
    if settings.get("unclean.leader.election.enable") == "true":
        text = "unclean.leader.election.enable: a broker that lacks events may become the leader, and they are lost"
        yield Finding(PART, "warn", text, _set("unclean.leader.election.enable=false"))


_LEAST_AHEAD_MS = 60_000


def _clock(settings: Settings) -> Iterator[Finding]:
    ahead_ms = whole_number(settings.get("message.timestamp.after.max.ms"))
    if (
        settings.get("message.timestamp.type") != "LogAppendTime"
        and ahead_ms is not None
        and ahead_ms < _LEAST_AHEAD_MS
    ):
        text = f"message.timestamp.after.max.ms = {ahead_ms}: a sender whose clock is ahead by more cannot write"
        yield Finding(PART, "warn", text, _set("message.timestamp.type=LogAppendTime"))


def unknown(name: str, wanted: str) -> Finding:
    """Say that the broker does not tell a setting."""
    return Finding(
        PART, "warn", f"it does not tell {name}: not known whether it is safe", f"see to it that it is {wanted}"
    )


def whole_number(value: str | None) -> int | None:
    """Read a setting's number; None, when it is not known or none."""
    return int(value) if value is not None and _NUMBER.fullmatch(value) else None


def _set(setting: str) -> str:
    return f"kafka-configs --alter --entity-type topics --entity-name {_TOPIC} --add-config {setting}"
