"""Apache Kafka for tests: a durable broker that may be killed and started again."""
