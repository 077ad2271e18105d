"""The log topic and its key."""

from __future__ import annotations

import msgspec

TOPIC = "newar.message-log.v1"
PARTITIONS = 12
"""Made when the topic does not exist. Key = page id, so one page's figures have one writer."""
CONSUMER_GROUP = "newar.ingest"


class Log(msgspec.Struct, frozen=True):
    """One life of the topic: a broker set up anew has another cluster id, a topic made again another topic id."""

    cluster_id: str
    topic: str
    topic_id: str
    """As Kafka's tools print it; empty where the broker tells none."""

    @property
    def names(self) -> dict[str, str]:
        """For the parameters of statements."""
        return {"cluster_id": self.cluster_id, "topic": self.topic, "topic_id": self.topic_id}

    def __str__(self) -> str:
        return f"{self.topic} ({self.cluster_id}/{self.topic_id})"
