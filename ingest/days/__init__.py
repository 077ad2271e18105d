"""The log's day partitions: made ahead, listed, dropped when they are old."""
