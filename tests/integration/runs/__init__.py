"""The run processor and its service: from a run in the source to jobs in the queue."""
