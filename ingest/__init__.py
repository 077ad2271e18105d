"""The log path: events from the topic into daily Postgres partitions."""
