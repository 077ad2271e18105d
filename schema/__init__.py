"""What the services agree on: jobs, runs, log events, outcomes, key names, topic and tables."""
