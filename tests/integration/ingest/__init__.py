"""The ingest: from events on the topic to rows of the log."""
