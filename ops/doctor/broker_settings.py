"""Settings of the brokers that reach into the log topic or its consumer group. Pure: judges what they told."""

from __future__ import annotations

from collections.abc import Iterator

from ops.doctor.finding import Finding
from ops.doctor.topic_settings import PART, Settings, unknown, whole_number

_SESSION_MS = 6000
"""The ingest's session timeout (ingest/reading/topic.py)."""
_DAY_MIN = 24 * 60


def broker_findings(told: list[Settings], brokers: int, *, topic_exists: bool) -> list[Finding]:
    """Judge what several brokers told of themselves; what is the same of all is said once."""
    found = (finding for settings in told for finding in _of_one(settings, brokers, topic_exists))
    return list(dict.fromkeys(found))


def _of_one(settings: Settings, brokers: int, topic_exists: bool) -> Iterator[Finding]:
    yield _session(settings)
    yield from _making_topics(settings, brokers, topic_exists)
    copies = whole_number(settings.get("offsets.topic.replication.factor"))
    if copies == 1 and brokers > 1:
        text = "offsets.topic.replication.factor = 1: without that one broker no ingest can join its group"
        yield Finding(PART, "warn", text, "raise the copies of __consumer_offsets to 3 (kafka-reassign-partitions)")
    kept_min = whole_number(settings.get("offsets.retention.minutes"))
    if kept_min is not None and kept_min < _DAY_MIN:
        text = (
            f"offsets.retention.minutes = {kept_min}: tools that show the lag forget an ingest that is away for longer "
            "(the ingest does not: its offsets are in the log database)"
        )
        yield Finding(PART, "warn", text, "offsets.retention.minutes=10080")
    folders = settings.get("log.dirs") or settings.get("log.dir") or ""
    if any(folder.strip().startswith(("/tmp/", "/var/tmp/")) for folder in folders.split(",")):  # noqa: S108 - judged
        text = f"log.dirs = {folders}: many a system empties it when it starts, and all events are gone"
        yield Finding(PART, "warn", text, "log.dirs on a disk of its own")


def _session(settings: Settings) -> Finding:
    least = whole_number(settings.get("group.min.session.timeout.ms"))
    most = whole_number(settings.get("group.max.session.timeout.ms"))
    if least is None or most is None:
        return unknown("group.min.session.timeout.ms", f"{_SESSION_MS} or less")
    text = f"the ingest's session timeout of {_SESSION_MS} ms is between its {least} and {most} ms"
    if least <= _SESSION_MS <= most:
        return Finding(PART, "ok", text)
    return Finding(
        PART,
        "fail",
        f"it allows session timeouts from {least} to {most} ms, and the ingest's is {_SESSION_MS}: no ingest can join",
        f"group.min.session.timeout.ms={min(least, _SESSION_MS)}, group.max.session.timeout.ms={max(most, 1_800_000)}",
    )


def _making_topics(settings: Settings, brokers: int, topic_exists: bool) -> Iterator[Finding]:
    if settings.get("auto.create.topics.enable") == "true":
        text = "auto.create.topics.enable: a misspelt KAFKA_TOPIC makes a topic of its own, with the broker's defaults"
        yield Finding(PART, "warn", text, "auto.create.topics.enable=false")
    copies = whole_number(settings.get("default.replication.factor"))
    if topic_exists or copies is None:
        return
    if copies > brokers:
        text = f"default.replication.factor = {copies}, with {brokers} broker(s): the topic cannot be made"
        yield Finding(PART, "fail", text, f"start more brokers, or default.replication.factor={brokers}")
    elif copies == 1 and brokers > 1:
        text = "default.replication.factor = 1: the topic will have one copy, though there are several brokers"
        yield Finding(PART, "warn", text, "default.replication.factor=3, or make the topic yourself")
    wanted = whole_number(settings.get("min.insync.replicas"))
    if wanted is not None and wanted > copies:
        text = f"min.insync.replicas = {wanted}, and the topic will have {copies} copies: nothing could be written"
        yield Finding(PART, "fail", text, f"min.insync.replicas={max(1, copies - 1)}")
