"""What our login may do at the broker: asked for (KIP-430), not tried out, which would disturb the ingests' group.

aiokafka knows no request that has the answer: these are of its shapes.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import KafkaError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from aiokafka.protocol.admin import DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from ops.doctor.finding import Finding
from ops.doctor.topic_settings import PART
from schema.topic import CONSUMER_GROUP

_TEXT = String("utf-8")
_NOT_TOLD = -(2**31)
_READ, _WRITE, _CREATE, _DESCRIBE, _DESCRIBE_CONFIGS = 3, 4, 5, 8, 10
"""Codes of org.apache.kafka.common.acl.AclOperation; a set of them is told as bits."""
_TOPIC = {_DESCRIBE: "Describe", _READ: "Read", _WRITE: "Write"}


class _Metadata(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", Array(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT))),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("operations", Int32),
            ),
        ),
        ("cluster_operations", Int32),
    )


class _MetadataAsked(RequestStruct):  # type: ignore[misc]  # likewise
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _Metadata
    SCHEMA = Schema(
        ("topics", Array(_TEXT)), ("make_missing", Boolean), ("of_cluster", Boolean), ("of_topics", Boolean)
    )


class _AskMetadata(Request[_MetadataAsked]):  # type: ignore[misc]  # likewise
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([self._topic], False, True, True)


class _GroupAsked(RequestStruct):  # type: ignore[misc]  # likewise
    API_KEY = 15
    API_VERSION = 3
    RESPONSE_TYPE = DescribeGroupsResponse_v3
    SCHEMA = Schema(("groups", Array(_TEXT)), ("with_operations", Boolean))


class _AskGroup(Request[_GroupAsked]):  # type: ignore[misc]  # likewise
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: Any) -> Any:
        return request_struct_class([self._group], True)


async def check_rights(admin: Any, topic: str) -> list[Finding]:
    """Ask the broker of this admin client; nothing is found where it is too old to tell. Asyncio."""
    try:
        metadata = await admin._send_request(_AskMetadata(topic))
    except (KafkaError, NotImplementedError):
        return []
    [told] = metadata.topics
    code, operations = told[0], told[4]
    group = f"{CONSUMER_GROUP}.{topic}"
    exists = code != UnknownTopicOrPartitionError.errno
    known = 0 if code == TopicAuthorizationFailedError.errno else operations
    return rights(topic, known if exists else None, metadata.cluster_operations, await _of_group(admin, group))


async def _of_group(admin: Any, group: str) -> int:
    try:
        answer = await admin._send_request(_AskGroup(group), await admin.find_coordinator(group))
    except (KafkaError, NotImplementedError) as exc:
        return 0 if type(exc).__name__ == "GroupAuthorizationFailedError" else _NOT_TOLD
    [told] = answer.groups
    return 0 if told[0] else int(told[-1])


def rights(topic: str, of_topic: int | None, of_cluster: int, of_group: int) -> list[Finding]:
    """Judge the operations that are allowed, each as bits; None: there is no such topic yet. Pure."""
    lacking = []
    if of_topic is None:
        if not _may(of_cluster, _CREATE):
            lacking.append(f"--operation Create --topic {topic}")
    else:
        names = [name for code, name in _TOPIC.items() if not _may(of_topic, code)]
        if names:
            lacking.append(" ".join(f"--operation {name}" for name in names) + f" --topic {topic}")
    if not _may(of_group, _READ):
        lacking.append(f"--operation Read --group {CONSUMER_GROUP}.{topic}")
    if not lacking:
        asked = any(bits not in (None, _NOT_TOLD) for bits in (of_topic, of_group))
        return [Finding(PART, "ok", "this login may do what senders and ingests do")] if asked else []
    acls = "; ".join(f"kafka-acls --add --allow-principal User:NAME {acl}" for acl in lacking)
    return [Finding(PART, "fail", "this login lacks rights that senders or ingests need", acls)]


def _may(bits: int, operation: int) -> bool:
    return bits == _NOT_TOLD or bool(bits & 1 << operation)
