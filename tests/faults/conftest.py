"""The real servers of the integration tests, for the fault tests too."""

from tests.integration.conftest import asyncio_loop, kafka_bootstrap, local_servers, redis_url

__all__ = ["asyncio_loop", "kafka_bootstrap", "local_servers", "redis_url"]
