"""What the doctor makes of the settings of the log topic and its brokers, and of what our login may do there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.doctor.broker_settings import broker_findings
from ops.doctor.finding import Finding
from ops.doctor.kafka_rights import rights
from ops.doctor.quantities import how_long
from ops.doctor.topic_settings import Settings, partition_findings, setting_findings, whole_number

SAFE: Settings = {
    "cleanup.policy": "delete",
    "retention.ms": "604800000",
    "retention.bytes": "-1",
    "min.insync.replicas": "2",
    "max.message.bytes": "1048588",
    "message.timestamp.type": "CreateTime",
    "message.timestamp.after.max.ms": "3600000",
    "unclean.leader.election.enable": "false",
}


def partitions(number: int = 12, replicas: tuple[int, ...] = (1, 2, 3), **changes: Any) -> list[dict[str, Any]]:
    usual = {"leader": 1, "replicas": list(replicas), "isr": list(replicas)}
    return [{"partition": n, **usual, **changes} for n in range(number)]


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    """Return the status and all words of what is not well; each must say what to do."""
    assert all(finding.mend for finding in found if finding.status != "ok")
    return [(f.status, f"{f.text} | {f.mend}") for f in found if f.status != "ok"]


def test_safe_topic_gets_no_warning() -> None:
    assert bad(setting_findings("log", SAFE, partitions())) == []
    assert bad(partition_findings(partitions(), brokers=3)) == []
    assert bad(partition_findings(partitions(replicas=(1,)), brokers=1)) == []


@pytest.mark.parametrize(
    ("setting", "value", "status", "said"),
    [
        ("cleanup.policy", "compact", "fail", "only the newest is kept"),
        ("cleanup.policy", "compact,delete", "fail", "--entity-name log --add-config cleanup.policy=delete"),
        ("retention.ms", "90000", "fail", "keeps events for 90 s"),
        ("retention.ms", "2700000", "warn", "keeps events for 45 min"),
        ("retention.ms", "21600000", "warn", "keeps events for 6 h"),
        ("retention.bytes", "1000000", "fail", "1.0 MB of each partition, about 2,000 events"),
        ("retention.bytes", "2000000000", "warn", "those of 2.6 h"),
        ("min.insync.replicas", "4", "fail", "4 of 3: nothing can be written"),
        ("min.insync.replicas", "1", "warn", "min.insync.replicas=2"),
        ("max.message.bytes", "2000", "fail", "an event may have 16384"),
        ("max.message.bytes", "100000", "warn", "refused and cut"),
        ("unclean.leader.election.enable", "true", "warn", "they are lost"),
        ("message.timestamp.after.max.ms", "1000", "warn", "whose clock is ahead"),
        ("redpanda.remote.write", "true", "ok", ""),
    ],
)
def test_dangerous_setting_of_the_topic_is_named_with_its_mend(
    setting: str, value: str, status: str, said: str
) -> None:
    found = bad(setting_findings("log", {**SAFE, setting: value}, partitions()))
    assert [(told, said in words) for told, words in found] == ([] if status == "ok" else [(status, True)])


@pytest.mark.parametrize("name", ["cleanup.policy", "retention.ms", "retention.bytes", "min.insync.replicas"])
@pytest.mark.parametrize("value", [None, "soon"])
def test_what_the_broker_does_not_tell_is_not_taken_for_well(name: str, value: str | None) -> None:
    if (name, value) != ("cleanup.policy", "soon"):
        [(status, words)] = bad(setting_findings("log", {**SAFE, name: value}, partitions()))
        assert status == "warn"
        assert f"does not tell {name}" in words


def test_topic_that_keeps_only_what_is_local_is_judged_by_that() -> None:
    remote = {"redpanda.remote.write": "true", "redpanda.remote.read": "false", "retention.local.target.bytes": "-1"}
    [(status, words)] = bad(
        setting_findings("log", {**SAFE, **remote, "retention.local.target.ms": "60000"}, partitions())
    )
    assert (status, "60 s" in words, "retention.local.target.ms=" in words) == ("fail", True, True)


def test_fewer_copies_in_sync_than_wanted_stop_writing_now() -> None:
    [(status, words)] = bad(setting_findings("log", SAFE, partitions(isr=[1])))
    assert (status, "but 1 in sync" in words) == ("fail", True)


@pytest.mark.parametrize(
    ("seen", "brokers", "status", "said"),
    [
        (partitions(3), 3, "warn", "3 partitions"),
        (partitions(replicas=(1,)), 3, "warn", "one copy"),
        (partitions(12, isr=[1, 2]), 3, "warn", "not in sync"),
        ([*partitions(11), *partitions(1, leader=-1)], 3, "fail", "partition 0 has no leader"),
        (partitions(24), 3, "ok", ""),
    ],
)
def test_partitions_are_judged(seen: list[dict[str, Any]], brokers: int, status: str, said: str) -> None:
    found = bad(partition_findings(seen, brokers))
    assert [(told, said in words) for told, words in found] == ([] if status == "ok" else [(status, True)])


BROKER: Settings = {
    "group.min.session.timeout.ms": "6000",
    "group.max.session.timeout.ms": "1800000",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "offsets.retention.minutes": "10080",
    "log.dirs": "/var/lib/kafka",
}


@pytest.mark.parametrize(
    ("setting", "value", "status", "said"),
    [
        ("group.min.session.timeout.ms", "10000", "fail", "no ingest can join"),
        ("group.max.session.timeout.ms", "5000", "fail", "group.max.session.timeout.ms=1800000"),
        ("group.min.session.timeout.ms", None, "warn", "does not tell"),
        ("auto.create.topics.enable", "true", "warn", "misspelt KAFKA_TOPIC"),
        ("default.replication.factor", "5", "fail", "cannot be made"),
        ("min.insync.replicas", "4", "fail", "nothing could be written"),
        ("offsets.topic.replication.factor", "1", "warn", "no ingest can join"),
        ("offsets.retention.minutes", "60", "warn", "lag"),
        ("log.dirs", "/tmp/kafka-logs", "warn", "empties it"),  # noqa: S108 - what is judged
    ],
)
def test_dangerous_setting_of_a_broker_is_named_with_its_mend(
    setting: str, value: str | None, status: str, said: str
) -> None:
    assert bad(broker_findings([BROKER, BROKER], 3, topic_exists=False)) == []
    [(told, words)] = bad(broker_findings([BROKER, {**BROKER, setting: value}], 3, topic_exists=False))
    assert (told, said in words) == (status, True)


def test_what_holds_for_new_topics_is_not_said_once_ours_exists() -> None:
    changed = {**BROKER, "default.replication.factor": "1", "min.insync.replicas": "3"}
    assert bad(broker_findings([changed], 3, topic_exists=True)) == []


ALL, NONE, NOT_TOLD = 0b1_1111_1111_1000, 0, -(2**31)
READ, WRITE, DESCRIBE = 1 << 3, 1 << 4, 1 << 8


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ((ALL, ALL, ALL), None),
        ((READ | WRITE | DESCRIBE, NONE, READ), None),
        ((NOT_TOLD, NOT_TOLD, NOT_TOLD), None),
        ((READ | DESCRIBE, NONE, READ), "--operation Write --topic log"),
        ((WRITE | DESCRIBE, NONE, READ), "--operation Read --topic log"),
        ((NONE, NONE, READ), "--operation Describe --operation Read --operation Write --topic log"),
        ((ALL, ALL, DESCRIBE), "--operation Read --group newar.ingest.log"),
        ((None, NONE, READ), "--operation Create --topic log"),
        ((None, ALL, READ), None),
    ],
)
def test_rights_that_are_missing_are_named(allowed: tuple[int | None, int, int], said: str | None) -> None:
    found = bad(rights("log", *allowed))
    assert [(status, words.rsplit("User:NAME ", 1)[-1]) for status, words in found] == (
        [("fail", said)] if said else []
    )


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s"), (90_000, "90 s"), (2_700_000, "45 min"), (21_600_000, "6 h"), (604_800_000, "7 days")],
)
def test_a_time_is_told_in_the_unit_that_fits(ms: int, said: str) -> None:
    assert how_long(ms) == said


@given(st.dictionaries(st.sampled_from([*SAFE, *BROKER]), st.none() | st.text() | st.integers().map(str)))
def test_no_value_is_too_odd_to_be_judged(told: dict[str, str | None]) -> None:
    bad(setting_findings("log", told, partitions()))
    bad(broker_findings([told], 3, topic_exists=False))


@given(st.text())
def test_only_whole_numbers_are_numbers(text: str) -> None:
    number = whole_number(text)
    assert number is None or int(text) == number
