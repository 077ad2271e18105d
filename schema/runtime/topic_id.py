"""A question to the broker that aiokafka does not know: the cluster's id, and a topic's id if it exists. Asyncio side.

Kafka tells topic ids in Metadata from version 10 on (KIP-516; Kafka 2.8): aiokafka 0.14 ends at 5.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from io import BytesIO
from typing import Any

from aiokafka.errors import UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_NO_ID = bytes(16)
_EXISTS = (0, 5, 6)
"""No error; and no leader (yet), or another, for a partition."""


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(len(_NO_ID))


_TAGS = ("tags", TaggedFields)
_PARTITION = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    _TAGS,
)
_TOPIC = (
    ("error_code", Int16),
    ("name", CompactString()),
    ("topic_id", _Uuid),
    ("internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("operations", Int32),
    _TAGS,
)
_BROKER = (("node_id", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()), _TAGS)


class _Answer(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 3, 10
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("operations", Int32),
        _TAGS,
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY, API_VERSION, RESPONSE_TYPE, FLEXIBLE_VERSION = 3, 10, _Answer, True
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString()), _TAGS)),
        ("make_it", Boolean),
        ("cluster_operations", Boolean),
        ("topic_operations", Boolean),
        _TAGS,
    )


class _AboutTopic(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, question: Any) -> Any:
        return question([(_NO_ID, self._topic, {})], False, False, False, {})


async def topic_id(admin: Any, topic: str) -> tuple[str, str | None]:
    """Ask through a started AIOKafkaAdminClient; return the cluster's id, and the topic's or None: no such topic.

    Raises:
        NotImplementedError: the broker is too old to tell topic ids, or does not do so for another reason.
        aiokafka.errors.KafkaError: it refuses to speak of this topic, or is away.
    """
    answer: Any = await admin._send_request(_AboutTopic(topic))
    [(code, _name, found, *_)] = answer.topics
    if code == UnknownTopicOrPartitionError.errno:
        return answer.cluster_id, None
    if code not in _EXISTS:
        raise for_code(code)(f"of the topic {topic} the broker says nothing")
    if found == _NO_ID:
        raise NotImplementedError
    return answer.cluster_id, urlsafe_b64encode(found).decode().rstrip("=")
