"""Real PostgreSQL, Valkey and Kafka-compatible servers, started on this machine from Python wheels."""
