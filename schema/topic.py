"""The log topic and its key."""

TOPIC = "newar.message-log.v1"
PARTITIONS = 12
"""Made when the topic does not exist. Key = page id, so one page's figures have one writer."""
CONSUMER_GROUP = "newar.ingest"
